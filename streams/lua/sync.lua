-- sync: read the present peers, and the mailbox after an entry, for one connection. It keeps the room alive, and takes back a session that
-- others believed lost.
--
-- KEYS[1] room hash
-- ARGV 1 clientId  2 session  3 entry ID  4 page entries  5 page bytes  6 lifetime of keys, ms
--      7 1 while it is given what a resume has counted: that has its time from then
-- Reply: {'O', version, last entry ID, more, peers, entries, claims, undelivered}, {'F'} fenced, {'E'} ended, {'G'} not known
--   claims: clientId, session of each live member that this connection's instance is said to hold
--   undelivered: what keepUndelivered (lib.lua) keeps, or ''
local rec = redis.call('HGET', KEYS[1], ARGV[1])
load()
if not rec then return {remembered(ARGV[1]) and 'E' or 'G'} end
local t, m = clock(), members[ARGV[1]]
if m.sid ~= ARGV[2] then return {isBox(m) and 'G' or 'F'} end -- a box: Redis lost the session, and a message came first
redis.call('PEXPIRE', KEYS[1], ARGV[6])
if m.state == 'S' then
  m.state, m.due = 'L', '0'
  save(m)
  announce(m, encodeArrival('r', m))
end
if redis.call('PEXPIRE', box(m.id), ARGV[6]) == 0 then return {'G'} end
-- No more is read than fits, as far as the average entry tells.
local most, room_for, waiting, n, last = tonumber(ARGV[4]), tonumber(ARGV[5]), waitingIn(extras['#' .. m.id])
if waiting > 0 and n > 0 then most = math.max(1, math.min(most, math.ceil(room_for * n / waiting))) end
local read = n > 0 and redis.call('XRANGE', box(m.id), '(' .. ARGV[3], '+', 'COUNT', most + 1) or {}
local entries, more = page(timely(m, read, ARGV[7] == '1' and tonumber(m.at) or t), most, room_for)
if #read > most then more = 1 end
return {'O', extras.v or '0', last, more, present(m, t), entries, claims(m.inst),
  extras['~' .. m.id] or ''}
