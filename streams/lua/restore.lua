-- restore: a connection attaches its own session again, with a fresh epoch, after the primary changed or lost its data.
--
-- KEYS[1] room hash
-- ARGV 1-14 and reply: session.lua; 6 is the session's clientId, 7 its token hash
--      15 hash of the token before that, or -  16 the last entry that was delivered
-- Reply, further: {'F'} another connection holds the session; {'E'} it was ended lately
local after = ARGV[16]
local m = members[ARGV[6]]
if m and m.sid ~= sid then
  if not isBox(m) then return {'F'} end
  m.sid, m.tok, m.later = sid, ARGV[7], USER ~= '-' and ' u=' .. USER or '' -- a box that was made meanwhile: see post.lua
end
sweep()
-- Behind all that the client has seen, whatever the clock of this server says.
local above = (tonumber(string.match(after, '^%d+')) or 0) + 1
if not m and remembered(ARGV[6]) then return {'E'} end -- this very call may be late
if not m then return fresh(math.max(t, above), ARGV[15], '') end
m.epoch = int(math.max(t, tonumber(m.epoch) + 1, above))
m.state, m.inst, m.due = 'L', inst, '0'
redis.call('PEXPIRE', KEYS[1], ARGV[9])
save(m)
redis.pcall('XGROUP', 'CREATE', box(m.id), 'g', '0', 'MKSTREAM') -- only where it is missing
extendLifetime(m)
announceArrival('r', m)
return reply('R', m, timely(m, redis.call('XRANGE', box(m.id), '(' .. after, '+'), t), 0, '')
