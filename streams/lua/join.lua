-- join: a connection without a token gets a new session, or takes over the plain one that waits for it.
--
-- KEYS[1] room hash
-- ARGV 1-14 and reply: session.lua
--      15 nonce for probes, or - when they are done
--      16.. clientId, session of each plain session that did not answer its probe
-- Reply, further: {'C', ended, clientId, session, …} contested, wait for the probes
local NONCE = ARGV[15]
sweep()
local done = repeated()
if done then return done end
if ARGV[2] ~= 'p' or ARGV[3] ~= '1' then return fresh(t, '-', '') end

-- A plain client that returns takes over the one session of its role that waits, if none is live (docs/protocol.md, S2).
for i = 16, #ARGV, 2 do
  local m = members[ARGV[i]]
  if m and m.state == 'L' and m.sid == ARGV[i + 1] then disconnect(m, t, grace) end
end
local suspended, live = {}, {}
for _, m in pairs(members) do
  if m.role == role and m.dialect == 'p' and m.keep == '1' and user(m) == USER then
    local list = m.state == 'S' and suspended or live
    list[#list + 1] = m
  end
end
if NONCE ~= '-' then
  local probed = {}
  for _, m in ipairs(live) do
    local n = ring(m.inst, encodeBell('p', m, inst, NONCE))
    if n == 0 and provable(m.inst) and m.inst ~= inst then
      disconnect(m, t, grace)
      suspended[#suspended + 1] = m
    else
      probed[#probed + 1] = m.id
      probed[#probed + 1] = m.sid
    end
  end
  if #probed > 0 then return {'C', ended, unpack(probed)} end
  live = {}
end
if #live == 0 and #suspended == 1 then return takeOver(suspended[1], '-', '-', '-') end
return fresh(t, '-', '')
