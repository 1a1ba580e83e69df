-- undo: undo an attach whose answer never came. A session that it created ends, because its client was never told of it. One that it took
-- over or resumed is suspended again.
--
-- KEYS[1] room hash
-- ARGV 1 session  2 clientId that a new session would have  3 grace ms  4 reason, if the session ends
-- Reply: {clientId of what now waits or '-', sessions ended, …}; {'-'} also when the number holds nothing
load()
reason, counts = ARGV[4], '0 0 0 0 0'
local grace = tonumber(ARGV[3])
for _, m in pairs(members) do
  if m.sid == ARGV[1] and m.state == 'L' then
    local waits = '-'
    if m.id == ARGV[2] then
      remove(m, 'n')
    else
      disconnect(m, clock(), grace)
      if members[m.id] then waits = m.id end
    end
    setLifetime(grace)
    return {waits, unpack(ended)}
  end
end
return {'-'}
