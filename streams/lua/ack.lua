-- ack: the client has everything up to an entry, and its mailbox drops it. The client has spoken on its connection, so it has the newer
-- token: the older one is retired, and so is the list of messages that were not delivered while it was away. Items added since it got that
-- list stay: it may have spoken before it read them.
--
-- KEYS[1] room hash  KEYS[2] mailbox
-- ARGV 1 session between spaces  2 entry ID, or - when only the older token is to be retired
-- Reply: O done, F another connection holds the session, G there is none
local call, find, match, sub = redis.call, string.find, string.match, string.sub
local hash, id = KEYS[1], sub(KEYS[2], -36)
local got = call('HMGET', hash, id, '#' .. id)
local rec = got[1]
if not rec then return 'G' end
-- Redis lost the session, and a message came first and made a box (isBox).
if not find(rec, ARGV[1], 1, true) then return match(rec, '^%S+ j ' .. string.rep('%S+ ', 8) .. '%- ') and 'G' or 'F' end
if ARGV[2] ~= '-' then acknowledge(id, KEYS[2], got[2], ARGV[2]) end -- first, so that it works when memory is full
if sub(rec, -2) ~= ' -' and not find(rec, ' - u=', 1, true) then -- see send.lua
  local first, prev, later = match(rec, '^(' .. string.rep('%S+ ', 11) .. ')(%S+)(.*)$')
  if prev ~= '-' then
    call('HSET', hash, id, first .. '-' .. later)
    local list = call('HGET', hash, '~' .. id) or ''
    local _, last = find(list, string.rep('=', 36) .. '0000000', 1, true)
    if last == #list then call('HDEL', hash, '~' .. id)
    elseif last then call('HSET', hash, '~' .. id, sub(list, last + 1)) end
  end
end
return 'O'
