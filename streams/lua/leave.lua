-- leave: end a session, because its client said goodbye or its window is over. Exactly one caller wins.
--
-- KEYS[1] room hash
-- ARGV 1 clientId  2 session, or - for "its window is over"  3 acknowledged entry ID or -  4 grace ms
--      5 reason, unless its window is over  6 counts of this connection (lib.lua), or -
-- Reply: {0 it ended now, -1 not this caller's to end, n > 0 the window has n ms left; the session ended}
local rec = redis.call('HGET', KEYS[1], ARGV[1])
if not rec then return {-1} end
load()
reason = ARGV[5]
if ARGV[6] ~= '-' then counts = ARGV[6] end
local m = members[ARGV[1]]
if ARGV[2] == '-' then
  if m.state ~= 'S' then return {-1} end
  local left = tonumber(m.due) - clock()
  if left > 0 then return {left} end
  remove(m, 'w')
else
  if m.sid ~= ARGV[2] then return {-1} end
  if ARGV[3] ~= '-' then acknowledge(m.id, box(m.id), extras['#' .. m.id], ARGV[3]) end
  remove(m, 'n')
end
setLifetime(tonumber(ARGV[4]))
return {0, unpack(ended)}
