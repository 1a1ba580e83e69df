-- post: store a message for a PeerJS id, and ring. Its sender is in another room, in another slot: that it has its session is for its own
-- instance to see.
--
-- An id that no client has gets a box: a suspended member without a token, which ends after a few seconds (leave, as any window does)
-- unless a client claims it. When a member ends, the senders of what it has not read are told: see remove in lib.lua.
--
-- In front of it stands lib.lua, before that post_live.lua, and before that MOST_ENTRIES, MOST_BYTES, MOST_RUNG and GENERATION as in front of send.lua.
-- '!<clientId>' is a ring of the fingerprints of the last messages for this id, from all senders.
--
-- KEYS[1] room hash  KEYS[2] mailbox of the id
-- ARGV 1 clientId of the id  2 fingerprint, 8 bytes  3 body (body.go)
--      4 fingerprint of the message before this one, if that is still under way, or ''
--      5 ms that a box lives, or 0: nothing is kept for an id that no client has
--      6 role of a box  7 instance of the sender  8 trace, or ''
-- Reply: {S stored, N stored, but the doorbell had no receiver, W stored, and it waits for a client that is away, A for one to come, D stored before, M no such id, B mailbox full,
--         O the message before this one is missing; for W and A the ms left; sessions ended, …}
local id, print, body, before, life = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local trace = ARGV[8] ~= '' and ARGV[8]
load()
local prints = extras['!' .. id] or ''
if string.find(prints, print, 1, true) then return {'D', 0} end
if before ~= '' and not string.find(prints, before, 1, true) then return {'O', 0} end

local t, m = clock(), members[id]
if m and m.state == 'S' and tonumber(m.due) <= t then
  remove(m, 'w')
  m = nil
end
if not m and life == 0 then
  setLifetime(0)
  return {'M', 0, unpack(ended)}
end
if not m then
  m = {id = id, role = ARGV[6], dialect = 'j', keep = '1', state = 'S', inst = ARGV[7], sid = string.rep('0', 16), epoch = int(t),
    joined = version(), at = int(t), due = int(t + life), tok = '-', prev = '-', later = ''}
  redis.call('DEL', box(id))
  redis.call('XGROUP', 'CREATE', box(id), 'g', '0', 'MKSTREAM')
  redis.call('PEXPIRE', box(id), int(life + 30000))
  members[id], prints = m, ''
  save(m)
  setLifetime(life)
end
local bytes, count = waitingIn(extras['#' .. id])
bytes, count = bytes + #body, count + 1
if bytes > MOST_BYTES or count > MOST_ENTRIES then return {'B', 0, unpack(ended)} end
if extras.g ~= GENERATION then -- see send.lua
  if extras.g then
    m.epoch = int(math.max(t, tonumber(m.epoch) + 1))
    save(m)
  end
  redis.call('HSET', KEYS[1], 'g', GENERATION)
end
local entry
if trace then entry = redis.call('XADD', box(id), 'NOMKSTREAM', m.epoch .. '-*', 'b', body, 't', trace)
else entry = redis.call('XADD', box(id), 'NOMKSTREAM', m.epoch .. '-*', 'b', body) end
if not entry then return {'M', 0, unpack(ended)} end
redis.call('HSET', KEYS[1], '!' .. id, string.sub(prints .. print, -512))
setWaiting(id, bytes, count, entry)
if m.state ~= 'L' then return {isBox(m) and 'A' or 'W', tonumber(m.due) - t, unpack(ended)} end

if #body > MOST_RUNG then body = '' end
if trace then
  local channel, text = 'rejoin:i:' .. m.inst, 't' .. room .. id .. entry .. ' ' .. trace .. ' ' .. body
  if CLUSTER and redis.call('PUBLISH', channel .. '@' .. GENERATION .. '{traced}', text) > 0 then return {'S', 0} end
  if redis.call('PUBLISH', channel .. '{traced}', text) > 0 then return {'S', 0} end
end
if ring(m.inst, 'd' .. room .. id .. entry .. ' ' .. body) == 0 then return {'N', 0} end
return {'S', 0}
