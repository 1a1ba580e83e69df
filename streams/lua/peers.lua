-- peers: the PeerJS ids that are connected, for clients that may list them.
--
-- KEYS[1] the list: session number and id → until when it is listed unless it is again, Unix ms
-- ARGV 1 ms that a member is listed, 0: not any more, or nothing: read the list  2.. members
-- Reply: members, 10,000 at most
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
if #ARGV == 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
  return redis.call('ZRANGE', KEYS[1], 0, 9999)
end
for i = 2, #ARGV do
  if ARGV[1] == '0' then redis.call('ZREM', KEYS[1], ARGV[i])
  else redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[1]), ARGV[i]) end
end
if ARGV[1] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {}
