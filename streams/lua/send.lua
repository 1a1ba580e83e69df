-- send: check, dedupe, store, ring. Every message comes through here, so it stands alone, without lib.lua, and takes
-- the members' records (see there) apart itself. What never changes stands in front of it when it is
-- loaded: MOST_ENTRIES and MOST_BYTES of a mailbox, MOST_RUNG: the largest body that a doorbell carries;
-- CLUSTER: whether Redis is one; GENERATION, which differs from primary to primary.
--
-- Redis' Lua hashes every byte of every string that it makes, ten instructions each, and one more argument, field, function or string costs a
-- thousand. So there are few of them, and what is seldom needed is read only then.
--
-- A send names the one before it, so that order holds over whatever becomes of that one: refused because memory is full, given up,
-- carried out late, repeated. '!<sender>' is a ring of the fingerprints that were stored, the last one at its end. It has LONG at most: then all but the
-- last SHORT move to '!!<sender>', so that KEPT are known at least. (Earlier versions keep KEPT in the first, and know that only.) '!!' is not looked at
-- when the message before this one is the last that was stored: had this one been stored, it or a later one would be the last.
-- 'x!<sender>' begins with the fingerprint of the last that was answered for good otherwise. Behind it stand those that were refused, NOTED at most:
-- fingerprint, first 8 bytes of the target, and the answer, B or M, or b or m when a later message for that target was stored. Such a one is refused
-- again when it comes again, for its answer was lost: stored now, it would be behind the later one. (Earlier versions know the beginning only.)
-- While there is a B or M, a byte in front of the ring says so.
--
-- KEYS[1] room hash  KEYS[2] mailbox of the target
-- ARGV 1 fingerprint, 8 bytes, that of the sender's message before this one, or '--------', and the sender's session between spaces
--      2 body (body.go), which names the sender
--      3 trace, if the message is followed (keys.go, tracedChannel), or '' or nothing
--      4 ms until it is not to be delivered any more, 0 or nothing: no end  5 1 if a plain client would not understand it
-- Reply: S stored, N stored, but the doorbell had no receiver, D stored before, M no such target,
--        P the target is a plain client, B mailbox full, F the sender is fenced or gone, O the message before this one is missing
local SHORT, LONG, KEPT = 8, 24, 64 -- fingerprints
local NOTED, NOTE = 32, 17
local call, find, match, sub = redis.call, string.find, string.match, string.sub
local room, head, body = KEYS[1], ARGV[1], ARGV[2]
local from, target = sub(body, 2, 37), sub(KEYS[2], -36)
local prints, waiting = '!' .. from, '#' .. target -- fields
local got = call('HMGET', room, from, target, prints, waiting, 'g')
local sender, to, ring = got[1], got[2], got[3] or ''
if not (sender and find(sender, sub(head, 17), 1, true)) then return 'F' end
-- It spoke on this connection: it has the newer token. The first two are what most records end with that have no other.
if sub(sender, -2) ~= ' -' and not find(sender, ' - u=', 1, true) then
  local first, prev, later = match(sender, '^(' .. string.rep('%S+ ', 11) .. ')(%S+)(.*)$')
  if prev ~= '-' then
    call('HSET', room, from, first .. '-' .. later)
    local list = call('HGET', room, '~' .. from) or '' -- see ack.lua
    local _, last = find(list, string.rep('=', 36) .. '0000000', 1, true)
    if last == #list then call('HDEL', room, '~' .. from)
    elseif last then call('HSET', room, '~' .. from, sub(list, last + 1)) end
  end
end

local print, before, last = sub(head, 1, 8), sub(head, 9, 16), sub(ring, -8)
local refused = #ring % 8 == 1 -- something was, and perhaps it is to be noted that a later message was stored
if refused then ring = sub(ring, 2) end
local answer, older, other -- its answer, if that had been found before; '!!<sender>' and 'x!<sender>', if they were read
if refused or last ~= before or find(ring, print, 1, true) then
  if last == print then return 'D' end
  local more = call('HMGET', room, '!!' .. from, 'x!' .. from)
  older, other = more[1] or '', more[2] or ''
  if find(ring, print, 1, true) or find(older, print, 1, true) then answer = 'D' end
  for i = #other - NOTE + 1, 9, -NOTE do
    if sub(other, i, i + 7) == print then
      local known = sub(other, i + 16, i + 16)
      if known > 'Z' then answer = answer or string.upper(known) end
      break
    end
  end
  if not answer and before ~= '--------' and last ~= before and sub(other, 1, 8) ~= before then return 'O' end
end

-- Its role has to be the opposite of the sender's: see there in lib.lua.
local role = match(sender, '^%S+')
local theirs = role == 'w' and 'e' or role == 'e' and 'w'
if not theirs then
  local source, sought = match(role, '^([^>]+)>(.+)$')
  theirs = sought .. '>' .. source
end
local its, inst, epoch -- inst is nil if the target is away
if to and target ~= from then
  its, inst, epoch = match(to, '^(%S+) . . L (%S+) %S+ (%d+)') -- dialect, keep and state are one letter each
  if not its then
    local t, due = call('TIME'), nil
    its, epoch, due = match(to, '^(%S+) . . S %S+ %S+ (%d+) %S+ %S+ (%d+)')
    if tonumber(due) <= t[1] * 1000 + math.floor(t[2] / 1000) then its = nil end
  end
end
local bytes, count = match(got[4] or '0 0', '^(%d+) (%d+)')
bytes, count = bytes + #body, count + 1

local trace, ttl, id = ARGV[3], ARGV[4], nil
local refusal = answer
if answer then -- the same again
elseif its ~= theirs then refusal = 'M'
elseif ARGV[5] == '1' and match(to, '^%S+ (.)') == 'p' then refusal = 'P'
elseif bytes > MOST_BYTES or count > MOST_ENTRIES then refusal = 'B'
else
  if got[5] ~= GENERATION then
    -- The first message on this primary. It may lack the last that its predecessor stored, and would give their numbers to others:
    -- all members get a new epoch, until their instances have attached them again.
    if got[5] then
      local t, all = call('TIME'), call('HGETALL', room)
      local now = t[1] * 1000 + math.floor(t[2] / 1000)
      for i = 1, #all, 2 do
        local first, was, tail = match(all[i + 1], '^(%S+ %S+ %S+ %S+ %S+ %S+ )(%d+)( .*)$')
        if first and #all[i] == #from and find(all[i], '^%x') then
          local new = string.format('%.0f', math.max(now, was + 1))
          call('HSET', room, all[i], first .. new .. tail)
          if all[i] == target then epoch = new end
        end
      end
    end
    call('HSET', room, 'g', GENERATION)
  end
  if ttl and ttl ~= '0' then
    local t = call('TIME')
    local due = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000) + ttl)
    id = call('XADD', KEYS[2], 'NOMKSTREAM', epoch .. '-*', 'b', body, 't', trace, 'd', due)
  elseif trace and trace ~= '' then id = call('XADD', KEYS[2], 'NOMKSTREAM', epoch .. '-*', 'b', body, 't', trace)
  else id = call('XADD', KEYS[2], 'NOMKSTREAM', epoch .. '-*', 'b', body) end
  -- A mailbox that is missing is not made anew: its numbers would begin again, and it would live for ever. Its instance finds out (sync).
  refusal = not id and 'M'
end
if refusal then -- what comes behind this message may be stored
  local notes = sub(other or call('HGET', room, 'x!' .. from) or '', 9)
  if not answer and refusal ~= 'P' then
    notes, refused = sub(notes .. print .. sub(target, 1, 8) .. refusal, -NOTED * NOTE), true
  end
  redis.pcall('HSET', room, 'x!' .. from, print .. notes, prints, refused and '!' .. ring or ring)
  return refusal
end

ring = ring .. print
if #ring > 8 * LONG then
  older = (older or call('HGET', room, '!!' .. from) or '') .. sub(ring, 1, -8 * SHORT - 1)
  call('HSET', room, '!!' .. from, sub(older, 8 * (SHORT - KEPT)))
  ring = sub(ring, -8 * SHORT)
end
if other and #other > 8 then
  refused = false
  local first, list = sub(target, 1, 8), {sub(other, 1, 8)}
  for i = 9, #other, NOTE do
    local note = sub(other, i, i + NOTE - 1)
    if sub(note, 9, 16) == first then note = sub(note, 1, 16) .. string.lower(sub(note, 17)) end
    if sub(note, 17) < 'a' then refused = true end
    list[#list + 1] = note
  end
  call('HSET', room, 'x!' .. from, table.concat(list))
end
if refused then ring = '!' .. ring end
-- %d, for concatenation would format a float, which costs four times as much.
call('HSET', room, prints, ring, waiting, string.format('%d %d %s', bytes, count, id))
if not inst then return 'S' end
if #body > MOST_RUNG then body = '' end

local channel, text = 'rejoin:i:' .. inst, 'd' .. sub(room, 2, -4) .. target .. id .. ' ' .. body
if trace and trace ~= '' then
  local traced = 't' .. sub(room, 2, -4) .. target .. id .. ' ' .. trace .. ' ' .. body
  if CLUSTER and call('PUBLISH', channel .. '@' .. GENERATION .. '{traced}', traced) > 0 then return 'S' end
  if call('PUBLISH', channel .. '{traced}', traced) > 0 then return 'S' end
end
-- See ring in lib.lua. On a cluster GENERATION is this primary's ID.
if CLUSTER and call('PUBLISH', channel .. '@' .. GENERATION, text) > 0 then return 'S' end
if call('PUBLISH', channel, text) == 0 then return 'N' end
return 'S'
