-- undo: take back an attach whose answer never came. Whatever the session number got is given up: a session that is new to the
-- room ends, for its client was never told of it; one that was taken over or resumed waits for its client again.
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
