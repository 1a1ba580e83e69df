-- send: check, dedupe, store, ring. Every message comes through here, so it stands alone, without lib.lua, and takes
-- the members' records (see there) apart itself, by position.
--
-- KEYS[1] room hash  KEYS[2] mailbox of the target
-- ARGV 1 sender  2 its session  3 target  4 fingerprint, 8 bytes  5 body (body.go)
--      6 most entries  7 most bytes  8 largest body a doorbell carries
-- Reply: S stored, N stored and nobody listens where the target is, D stored before, M no such target,
--        B mailbox full, F the sender is fenced or gone
local call, match, sub = redis.call, string.match, string.sub
local room, from, target, body = KEYS[1], ARGV[1], ARGV[3], ARGV[5]
local got = call('HMGET', room, from, target, '!' .. from, '#' .. target)
local sender, to, ring = got[1], got[2], got[3] or ''
if not sender then return 'F' end
local role, sid = match(sender, '^(%S) %S %S %S %S+ (%S+)')
if sid ~= ARGV[2] then return 'F' end
if sub(sender, -2) ~= ' -' then -- it spoke on this connection: it has the newer token
  call('HSET', room, from, (string.gsub(sender, '%S+$', '-')))
  call('HDEL', room, '~' .. from)
end
if string.find(ring, ARGV[4], 1, true) then return 'D' end
if not to then return 'M' end
local theirs, state, inst, epoch = match(to, '^(%S) %S %S (%S) (%S+) %S+ (%S+)')
if theirs == role then return 'M' end
if state == 'S' then
  local t = call('TIME')
  if tonumber(match(to, '(%S+) %S+ %S+$')) <= t[1] * 1000 + math.floor(t[2] / 1000) then return 'M' end
end
local bytes, count = match(got[4] or '0 0', '^(%d+) (%d+)')
bytes, count = bytes + #body, count + 1
if bytes > tonumber(ARGV[7]) or count > tonumber(ARGV[6]) then return 'B' end
local id = call('XADD', KEYS[2], epoch .. '-*', 'b', body)
call('HSET', room, '!' .. from, sub(ring .. ARGV[4], -256), '#' .. target, bytes .. ' ' .. count .. ' ' .. id)
if state == 'S' then return 'S' end
if #body > tonumber(ARGV[8]) then body = '' end
if call('PUBLISH', 'rejoin:i:' .. inst, 'd' .. sub(room, 2, -4) .. target .. id .. ' ' .. body) == 0 then return 'N' end
return 'S'
