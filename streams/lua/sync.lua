-- sync: what one connection should know: who is there, and what its mailbox holds after an entry.
-- It keeps the room alive, and takes back a session that others believed lost.
--
-- KEYS[1] room hash
-- ARGV 1 clientId  2 session  3 entry ID  4 page entries  5 page bytes  6 held ms
-- Reply: {'O', version, last entry ID, more, peers, entries}, {'F'} fenced, {'E'} ended, {'G'} not known
local rec = redis.call('HGET', KEYS[1], ARGV[1])
load()
if not rec then
  local x = extras.x or ''
  for i = 1, #x, NAME do
    if string.sub(x, i, i + NAME - 1) == string.sub(ARGV[1], 1, NAME) then return {'E'} end
  end
  return {'G'}
end
local t, m = clock(), members[ARGV[1]]
if m.sid ~= ARGV[2] then return {'F'} end
redis.call('PEXPIRE', KEYS[1], ARGV[6])
if m.state == 'S' then
  m.state, m.due = 'L', '0'
  save(m)
  tell(m.role, words('r', m, version()))
end
if redis.call('PEXPIRE', box(m.id), ARGV[6]) == 0 then return {'G'} end
local entries, more = page(redis.call('XRANGE', box(m.id), '(' .. ARGV[3], '+', 'COUNT', tonumber(ARGV[4]) + 1),
  tonumber(ARGV[4]), tonumber(ARGV[5]))
local _, _, last = hot(extras['#' .. m.id])
return {'O', extras.v or '0', last, more, present(m.role, t), entries}
