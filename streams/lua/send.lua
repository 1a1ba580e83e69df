-- send: check, dedupe, store, ring. Every message comes through here, so it stands alone, without lib.lua, and takes
-- the members' records (see there) apart itself, by position. What never changes stands in front of it when it is
-- loaded: MOST_ENTRIES and MOST_BYTES of a mailbox, MOST_RUNG: the largest body that a doorbell carries;
-- GENERATION, which differs from primary to primary.
--
-- KEYS[1] room hash  KEYS[2] mailbox of the target
-- ARGV 1 sender  2 its session  3 target  4 fingerprint, 8 bytes  5 body (body.go)
--      6 trace, if the message is followed (keys.go, tracedChannel)
-- Reply: S stored, N stored and nobody listens where the target is, D stored before, M no such target,
--        B mailbox full, F the sender is fenced or gone
local call, byte, find, match, sub = redis.call, string.byte, string.find, string.match, string.sub
local room, from, target, body, trace = KEYS[1], ARGV[1], ARGV[3], ARGV[5], ARGV[6]
local got = call('HMGET', room, from, target, '!' .. from, '#' .. target, 'g')
local sender, to, ring = got[1], got[2], got[3] or ''
if not sender or match(sender, '^%S+ (%S+)', 9) ~= ARGV[2] then return 'F' end
if sub(sender, -2) ~= ' -' then -- it spoke on this connection: it has the newer token
  call('HSET', room, from, (string.gsub(sender, '%S+$', '-')))
  call('HDEL', room, '~' .. from)
end
if find(ring, ARGV[4], 1, true) then return 'D' end
if not to or byte(to) == byte(sender) then return 'M' end -- the role
local live = byte(to, 7) == 76 -- L
if not live then
  local t = call('TIME')
  if tonumber(match(to, '(%S+) %S+ %S+$')) <= t[1] * 1000 + math.floor(t[2] / 1000) then return 'M' end
end
local bytes, count = match(got[4] or '0 0', '^(%d+) (%d+)')
bytes, count = bytes + #body, count + 1
if bytes > MOST_BYTES or count > MOST_ENTRIES then return 'B' end
local inst, epoch = match(to, '^(%S+) %S+ (%S+)', 9)
if got[5] ~= GENERATION then
  -- The first message on this primary. It may lack the last that its predecessor stored, and would give their numbers to others:
  -- all members get a new epoch, until their instances have attached them again.
  if got[5] then
    local t, all = call('TIME'), call('HGETALL', room)
    local now = t[1] * 1000 + math.floor(t[2] / 1000)
    for i = 1, #all, 2 do
      local head, was, tail = match(all[i + 1], '^(%S+ %S+ %S+ %S+ %S+ %S+ )(%d+)( .*)$')
      if head and #all[i] == #from and find(all[i], '^%x') then
        local new = string.format('%.0f', math.max(now, was + 1))
        call('HSET', room, all[i], head .. new .. tail)
        if all[i] == target then epoch = new end
      end
    end
  end
  call('HSET', room, 'g', GENERATION)
end
local id
if trace then id = call('XADD', KEYS[2], epoch .. '-*', 'b', body, 't', trace)
else id = call('XADD', KEYS[2], epoch .. '-*', 'b', body) end
-- %d, for concatenation would format a float, which costs four times as much.
call('HSET', room, '!' .. from, sub(ring .. ARGV[4], -512), '#' .. target, string.format('%d %d %s', bytes, count, id))
if not live then return 'S' end
if #body > MOST_RUNG then body = '' end
if trace and call('PUBLISH', 'rejoin:i:' .. inst .. '{traced}', 't' .. sub(room, 2, -4) .. target .. id .. ' ' .. trace .. ' ' .. body) > 0 then
  return 'S'
end
if call('PUBLISH', 'rejoin:i:' .. inst, 'd' .. sub(room, 2, -4) .. target .. id .. ' ' .. body) == 0 then return 'N' end
return 'S'
