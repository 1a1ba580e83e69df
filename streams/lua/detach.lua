-- detach: a connection is gone; its session's grace window starts, or the session ends if it has none.
--
-- KEYS[1] room hash
-- ARGV 1 clientId  2 session  3 acknowledged entry ID or -  4 grace ms
--      5 reason, if the session ends  6 counts of this connection (lib.lua)
-- Reply: {O done, F another connection holds the session (or it is suspended already), G there is none; sessions ended, …}
local rec = redis.call('HGET', KEYS[1], ARGV[1])
if not rec then return {'G'} end
load()
reason, counts = ARGV[5], ARGV[6]
local m, grace = members[ARGV[1]], tonumber(ARGV[4])
if m.sid ~= ARGV[2] or m.state == 'S' then return {'F'} end
if ARGV[3] ~= '-' then acknowledge(m.id, box(m.id), extras['#' .. m.id], ARGV[3]) end
disconnect(m, clock(), grace)
setLifetime(grace)
return {'O', unpack(ended)}
