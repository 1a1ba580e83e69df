-- claim: a PeerJS client wants its id: a room of its own with one member, whose clientId follows from the room.
--
-- A member without a token is a box: messages to an id that no client had. The first client to claim the id gets it.
--
-- KEYS[1] room hash
-- ARGV 1-14 and reply: session.lua; 6 is the clientId, 7 the hash of the token that is shown, 10 is 1
--      15 ms this request has waited  16 nonce for a probe, or - when it is done
--      17 the session that it knows to hold the id, or -  18 session that did not answer its probe, or nothing
-- Reply, further: {'T', ended} the id is taken; {'C', ended, clientId, session} contested, wait for the probe; {'H', …} as resume's
local NONCE, HOLDER, DEAD = ARGV[16], ARGV[17], ARGV[18]
local done = repeated()
if done then return done end
local m = members[ARGV[6]] or members[next(members)]
if not m then return fresh(t, '-', '') end

local waits = m.state == 'S'
if isBox(m) then
  if ARGV[6] == '-' then return {'X', ended} end
  extras['x' .. m.id] = int(t) .. ' 0 0 0 0 0' -- it begins now
  m.later = USER ~= '-' and ' u=' .. USER or ''
  return takeOver(m, '-', ARGV[7], '-')
end
if waits and tonumber(m.due) <= t then
  remove(m, 'w')
  return fresh(t, '-', '')
end
-- A token of the same user gets the waiting messages. Without users, only the same token does.
local own = m.tok == ARGV[7] or waits and USER ~= '-'
if own and user(m) == USER then
  -- Not to a request that is older than the connection it would fence: that is the client's own slow attempt.
  if not waits and t - tonumber(ARGV[15]) < tonumber(m.at) then return {'X', ended} end
  if not waits and m.sid ~= HOLDER then return {'H', ended, m.id, m.sid} end -- see resume.lua
  return takeOver(m, '-', ARGV[7], '-')
end

if not waits and m.sid ~= DEAD then
  if NONCE == '-' then return {'T', ended} end
  if ring(m.inst, encodeBell('p', m, inst, NONCE)) > 0 or not provable(m.inst) or m.inst == inst then
    return {'C', ended, m.id, m.sid}
  end
end
reason = 'replaced'
if not waits then ring(m.inst, encodeBell('f', m)) end
remove(m, 'n')
return fresh(t, '-', '')
