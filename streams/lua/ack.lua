-- ack: the client has everything up to an entry; its mailbox forgets it.
--
-- KEYS[1] room hash
-- ARGV 1 clientId  2 session  3 entry ID, or - when only the older token is to be retired
-- Reply: O done, F another connection holds the session, G there is none
local rec = redis.call('HGET', KEYS[1], ARGV[1])
if not rec then return 'G' end
local m = parse(ARGV[1], rec)
if m.sid ~= ARGV[2] then return 'F' end
if CLUSTER then redis.call('EXISTS', KEYS[1], box(m.id)) end -- see together
if ARGV[3] ~= '-' then acknowledge(m.id, ARGV[3]) end -- first, so that it works when memory is full
retireToken(m)
return 'O'
