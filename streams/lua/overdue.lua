-- overdue: delete waiting messages whose TTL is over from the mailbox of a client that is away, and tell their senders. A connected client
-- got them in time, or does not get them when it reads on (sync).
--
-- KEYS[1] room hash
-- ARGV 1 clientId
-- Reply: in how many ms to ask again, 0: nothing waits that has an end; of a client that is connected, nothing waits
local rec = redis.call('HGET', KEYS[1], ARGV[1])
if not rec then return 0 end
if parse(ARGV[1], rec).state ~= 'S' then -- its mailbox is not read: it may be large, and this is asked for often
  local _, count = waitingIn(redis.call('HGET', KEYS[1], '#' .. ARGV[1]))
  return count > 0 and 5000 or 0
end
load()
local m, t = members[ARGV[1]], clock()
local entries = timely(m, redis.call('XRANGE', box(m.id), '-', '+'), t)
local due
for _, e in ipairs(entries) do
  local d = tonumber(e[2][6])
  if d and (not due or d < due) then due = d end
end
return due and math.max(due - t, 250) or 0
