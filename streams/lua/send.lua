-- send: check, dedupe, store, ring. Every message comes through here, so it stands alone, without lib.lua, and takes
-- the members' records (see there) apart itself. What never changes stands in front of it when it is
-- loaded: MOST_ENTRIES and MOST_BYTES of a mailbox, MOST_RUNG: the largest body that a doorbell carries;
-- CLUSTER: whether Redis is one; GENERATION, which differs from primary to primary.
--
-- A send names the one before it, so that order holds over whatever becomes of that one: refused because memory is full, given up,
-- carried out late, repeated. '!<sender>' is a ring of the fingerprints that were stored, the last one at its end.
-- 'x!<sender>' begins with the fingerprint of the last that was answered for good otherwise. Behind it stand those that were refused, NOTED at most:
-- fingerprint, first 8 bytes of the target, and the answer, B or M, or b or m when a later message for that target was stored. Such a one is refused
-- again when it comes again, for its answer was lost: stored now, it would be behind the later one. (Earlier versions know the beginning only.)
--
-- KEYS[1] room hash  KEYS[2] mailbox of the target
-- ARGV 1 sender  2 its session  3 target  4 fingerprint, 8 bytes  5 body (body.go)
--      6 fingerprint of the sender's message before this one, or ''
--      7 trace, if the message is followed (keys.go, tracedChannel), or '' or nothing
--      8 ms until it is not to be delivered any more, 0 or nothing: no end  9 1 if a plain client would not understand it
-- Reply: S stored, N stored, but the doorbell had no receiver, D stored before, M no such target,
--        P the target is a plain client, B mailbox full, F the sender is fenced or gone, O the message before this one is missing
local call, find, match, sub = redis.call, string.find, string.match, string.sub
local room, from, target, print, body, before = KEYS[1], ARGV[1], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local trace = ARGV[7] ~= '' and ARGV[7]
local got = call('HMGET', room, from, target, '!' .. from, '#' .. target, 'g', 'x!' .. from)
local sender, to, ring, other = got[1], got[2], got[3] or '', got[6] or ''
if not sender then return 'F' end
local role, session = match(sender, '^(%S+) . . . %S+ (%S+)') -- dialect, keep and state are one letter each
if session ~= ARGV[2] then return 'F' end
if sub(sender, -2) ~= ' -' then -- it spoke on this connection: it has the newer token
  local head, prev, later = match(sender, '^(' .. string.rep('%S+ ', 11) .. ')(%S+)(.*)$')
  if prev ~= '-' then
    call('HSET', room, from, head .. '-' .. later)
    local list = call('HGET', room, '~' .. from) or '' -- see retireToken in lib.lua
    local _, last = find(list, string.rep('=', 36) .. '0000000', 1, true)
    if last == #list then call('HDEL', room, '~' .. from)
    elseif last then call('HSET', room, '~' .. from, sub(list, last + 1)) end
  end
end

-- final answers without storing: what comes behind this message may be stored.
local NOTED, NOTE = 32, 17
local function final(reply, note)
  redis.pcall('HSET', room, 'x!' .. from, print .. sub(sub(other, 9) .. (note or ''), -NOTED * NOTE))
  return reply
end

local function refuse(reply) return final(reply, print .. sub(target, 1, 8) .. reply) end

if find(ring, print, 1, true) then return sub(ring, -8) == print and 'D' or final('D') end
for i = #other - NOTE + 1, 9, -NOTE do
  if sub(other, i, i + 7) == print then
    local answer = sub(other, i + 16, i + 16)
    if answer > 'Z' then return final(string.upper(answer)) end
    break
  end
end
if before ~= '' and sub(ring, -8) ~= before and sub(other, 1, 8) ~= before then return 'O' end
if not to then return refuse('M') end
local its, dialect, state, inst, epoch = match(to, '^(%S+) (.) . (.) (%S+) %S+ (%S+)')
-- Its role has to be the opposite of the sender's: see there in lib.lua.
local theirs = role == 'w' and 'e' or role == 'e' and 'w'
if not theirs then
  local source, sought = match(role, '^([^>]+)>(.+)$')
  theirs = sought .. '>' .. source
end
if its ~= theirs or target == from then return refuse('M') end
local live = state == 'L'
if not live then
  local t = call('TIME')
  if tonumber(match(to, '^' .. string.rep('%S+ ', 9) .. '(%S+)')) <= t[1] * 1000 + math.floor(t[2] / 1000) then return refuse('M') end
end
if ARGV[9] == '1' and dialect == 'p' then return final('P') end
local bytes, count = match(got[4] or '0 0', '^(%d+) (%d+)')
bytes, count = bytes + #body, count + 1
if bytes > MOST_BYTES or count > MOST_ENTRIES then return refuse('B') end
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
-- A mailbox that is missing is not made anew: its numbers would begin again, and it would live for ever. Its instance finds out (sync).
local id
if ARGV[8] and ARGV[8] ~= '0' then
  local t = call('TIME')
  local due = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[8])
  id = call('XADD', KEYS[2], 'NOMKSTREAM', epoch .. '-*', 'b', body, 't', trace or '', 'd', due)
elseif trace then id = call('XADD', KEYS[2], 'NOMKSTREAM', epoch .. '-*', 'b', body, 't', trace)
else id = call('XADD', KEYS[2], 'NOMKSTREAM', epoch .. '-*', 'b', body) end
if not id then return refuse('M') end
-- %d, for concatenation would format a float, which costs four times as much.
call('HSET', room, '!' .. from, sub(ring .. print, -512), '#' .. target, string.format('%d %d %s', bytes, count, id))
if #other > 8 then
  local head, list = sub(target, 1, 8), {sub(other, 1, 8)}
  for i = 9, #other, NOTE do
    local note = sub(other, i, i + NOTE - 1)
    if sub(note, 9, 16) == head then note = sub(note, 1, 16) .. string.lower(sub(note, 17)) end
    list[#list + 1] = note
  end
  call('HSET', room, 'x!' .. from, table.concat(list))
end
if not live then return 'S' end
if #body > MOST_RUNG then body = '' end

local channel, text = 'rejoin:i:' .. inst, 'd' .. sub(room, 2, -4) .. target .. id .. ' ' .. body
if trace then
  local traced = 't' .. sub(room, 2, -4) .. target .. id .. ' ' .. trace .. ' ' .. body
  if CLUSTER and call('PUBLISH', channel .. '@' .. GENERATION .. '{traced}', traced) > 0 then return 'S' end
  if call('PUBLISH', channel .. '{traced}', traced) > 0 then return 'S' end
end
-- See ring in lib.lua. On a cluster GENERATION is this primary's ID.
if CLUSTER and call('PUBLISH', channel .. '@' .. GENERATION, text) > 0 then return 'S' end
if call('PUBLISH', channel, text) == 0 then return 'N' end
return 'S'
