-- resume: a connection shows a token and gets its session back. Otherwise it gets a new one and is told why.
--
-- KEYS[1] room hash
-- ARGV 1-14 and reply: session.lua
--      15 clientId to come back as  16 hash of the token shown  17 cursor: entry ID or -
--      18 ms this request has waited  19 token hash if the resume succeeds  20 the session that it knows to hold the client, or -
--      21 1: the caller reads the entries itself, see left
-- Reply, further: {'H', ended, clientId, session} nothing is done yet: that session holds the client, and the older token was shown
local want, hash, after, HOLDER = ARGV[15], ARGV[16], ARGV[17], ARGV[20]
QUICK = ARGV[21] == '1'
sweep()
local done = repeated()
if done then return done end

local m = members[want]
if not m then return fresh(t, '-', 'N') end
-- The older token is good while nothing proved that the newer one arrived, but not for a request that is
-- older than the connection it would evict: that is the client's own slow attempt.
local older = hash == m.prev and t - tonumber(ARGV[18]) >= tonumber(m.at)
if m.role ~= role or user(m) ~= USER or m.dialect ~= 'r' or hash == '-' or not (hash == m.tok or older) then return fresh(t, '-', 'M') end
-- This call may have travelled for long, be of an attempt that its client gave up, and evict the very one that the client made after it: no clock here
-- tells. So it is asked again whether it still has a client, and takes over from the session that was told only.
if hash ~= m.tok and m.sid ~= HOLDER then return {'H', ended, m.id, m.sid} end
local _, _, last = waitingIn(extras['#' .. m.id])
if (after ~= '-' and later(after, last)) or redis.call('EXISTS', box(m.id)) == 0 then
  ring(m.inst, encodeBell('f', m))
  reason = 'store_lost'
  remove(m, 'n')
  return fresh(t, '-', 'L')
end
return takeOver(m, after, ARGV[19], hash)
