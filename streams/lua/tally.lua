-- tally: a fenced connection reports its message counts.
--
-- KEYS[1] room hash
-- ARGV 1 clientId  2 counts (lib.lua)
-- Reply: O done, G the session is gone
local rec, x = unpack(redis.call('HMGET', KEYS[1], ARGV[1], 'x' .. ARGV[1]))
if not rec then return 'G' end
extras = {['x' .. ARGV[1]] = x or nil}
local m = parse(ARGV[1], rec)
tally(m, total(m, ARGV[2]))
return 'O'
