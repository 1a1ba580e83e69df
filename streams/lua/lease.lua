-- lease: renew this instance's lease and see who else has one.
--
-- KEYS[1] the leases: instance → when its lease runs out, Unix ms
-- ARGV 1 instance  2 lease ms, 0 to give it up
-- Reply: {1 if a good lease was there before, live instance, …}
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local before = redis.call('ZSCORE', KEYS[1], ARGV[1])
local good = 0
if before and tonumber(before) >= now then good = 1 end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
if ARGV[2] == '0' then
  redis.call('ZREM', KEYS[1], ARGV[1])
else
  redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[2])), ARGV[1])
  redis.call('PEXPIRE', KEYS[1], 3600000)
end
return {good, unpack(redis.call('ZRANGE', KEYS[1], 0, -1))}
