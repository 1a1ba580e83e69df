-- overdue: a client that is away may have messages waiting whose time is over. They are deleted, and their senders told. One that is
-- connected was sent them in time, or gets none of them any more when it reads on (sync).
--
-- KEYS[1] room hash
-- ARGV 1 clientId
-- Reply: in how many ms to ask again, 0: nothing waits that has an end
load()
local m = members[ARGV[1]]
if not m then return 0 end
local t = clock()
local entries, soonest = redis.call('XRANGE', box(m.id), '-', '+'), 250
if m.state == 'S' then entries = timely(m, entries, t) else soonest = 5000 end
local due
for _, e in ipairs(entries) do
  local d = tonumber(e[2][6])
  if d and (not due or d < due) then due = d end
end
return due and math.max(due - t, soonest) or 0
