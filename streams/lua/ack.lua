-- ack: the client has everything up to an entry; its mailbox forgets it.
--
-- KEYS[1] room hash
-- ARGV 1 clientId  2 session  3 entry ID, or - when only the older token is to be retired
-- Reply: O done, F another connection holds the session, G there is none
local rec = redis.call('HGET', KEYS[1], ARGV[1])
if not rec then return 'G' end
if string.match(rec, '^%S+ . . . %S+ (%S+)') ~= ARGV[2] then -- dialect, keep and state are one letter each
  return isBox(parse(ARGV[1], rec)) and 'G' or 'F'
end
if CLUSTER then redis.call('EXISTS', KEYS[1], box(ARGV[1])) end -- see together
if ARGV[3] ~= '-' then acknowledge(ARGV[1], ARGV[3]) end -- first, so that it works when memory is full
if string.sub(rec, -2) ~= ' -' then retireToken(parse(ARGV[1], rec)) end -- else there is none, and no later word
return 'O'
