-- remove: the operator ends sessions, wherever they are held.
--
-- KEYS[1] room hash
-- ARGV 1 clientId, or - for all of the room  2 grace ms
-- Reply: {how many were ended, or have been lately; sessions ended, …}
load()
reason = 'removed'
local theirs = {}
for id, m in pairs(members) do
  if ARGV[1] == '-' or ARGV[1] == id then theirs[#theirs + 1] = m end
end
if #theirs == 0 then return {ARGV[1] ~= '-' and remembered(ARGV[1]) and 1 or 0} end -- this very call may be made again
-- Ring for all of them before any is announced: those that are removed need not hear of each other. Instances of earlier versions do not
-- know the first doorbell; the second ends the connection there too, as one that was resumed elsewhere.
for _, m in ipairs(theirs) do
  if m.state == 'L' then
    ring(m.inst, encodeBell('k', m))
    ring(m.inst, encodeBell('f', m))
  end
end
for _, m in ipairs(theirs) do remove(m, 'n') end
setLifetime(tonumber(ARGV[2]))
return {#theirs, unpack(ended)}
