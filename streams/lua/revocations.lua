-- revocations: add a revocation for all instances and ring for it, or read them all.
--
-- KEYS[1] the revocations: name → until when, Unix ms
-- ARGV, to add one: 1 name  2 until when, Unix ms  3 the channel of all instances that follow revocations  4 most that are kept
--       to read them: none
-- Reply: {name, until, …}; for one that was added 1, or 0 when there are too many
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
if #ARGV == 0 then return redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES') end

local before = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not before and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) then return 0 end
if tonumber(ARGV[2]) <= now then return 1 end
if not before or tonumber(before) < tonumber(ARGV[2]) then redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1]) end
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', tonumber(last[2]) - now + 1000))
redis.call('PUBLISH', ARGV[3], ARGV[2] .. ' ' .. ARGV[1])
return 1
