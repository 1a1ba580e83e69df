-- notice: store a message from the operator in the mailboxes of a room, and ring. It does for the operator what send does for clients.
--
-- '!<SERVER>' (lib.lua) remembers the outcome of the last ones, so that a repeated call stores nothing twice.
--
-- KEYS[1] room hash
-- ARGV 1 fingerprint, 16 hex digits  2 clientId, or -  3 role, what its clients call themselves, or - for a clientId
--      4 body (body.go)  5 most entries of a mailbox  6 most bytes  7 the largest body that a doorbell carries
--      8 ms until it is not to be delivered any more, 0: no end
-- Reply: {stored, mailboxes that are full, clients that speak plain}
local print, to, role, body = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
load()
if not next(members) then return {0, 0, 0} end -- and nothing is left behind
local before = string.match(extras['!' .. SERVER] or '', print .. ' (%d+ %d+ %d+);')
local stored, full, plain = 0, 0, 0
if before then
  stored, full, plain = string.match(before, '(%d+) (%d+) (%d+)')
  return {tonumber(stored), tonumber(full), tonumber(plain)}
end

-- On a primary that is new to this room the entries get new epochs first: see send.lua.
local t = clock()
local function generation()
  if CLUSTER then return redis.call('CLUSTER', 'MYID') end
  local info = redis.pcall('INFO', 'server')
  return type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
end
local g = generation()
if extras.g ~= g then
  redis.call('HSET', KEYS[1], 'g', g)
  for _, m in pairs(members) do
    if extras.g then
      m.epoch = int(math.max(t, tonumber(m.epoch) + 1))
      save(m)
    end
  end
end

local function named(m)
  if m.role == 'w' then return 'wallet' end
  if m.role == 'e' then return 'extension' end
  return string.match(m.role, '^[^>]+')
end

local function put(m)
  local bytes, count = waitingIn(extras['#' .. m.id])
  if bytes + #body > tonumber(ARGV[6]) or count + 1 > tonumber(ARGV[5]) then
    full = full + 1
    return
  end
  local id
  if ARGV[8] == '0' then id = redis.call('XADD', box(m.id), 'NOMKSTREAM', m.epoch .. '-*', 'b', body)
  else id = redis.call('XADD', box(m.id), 'NOMKSTREAM', m.epoch .. '-*', 'b', body, 't', '', 'd', int(t + tonumber(ARGV[8]))) end
  if not id then return end
  stored = stored + 1
  setWaiting(m.id, bytes + #body, count + 1, id)
  if m.state == 'L' then ring(m.inst, 'd' .. room .. m.id .. id .. ' ' .. (#body <= tonumber(ARGV[7]) and body or '')) end
end

for id, m in pairs(members) do
  if (to == id or to == '-' and role == named(m)) and (m.state == 'L' or tonumber(m.due) > t) then
    if m.dialect == 'r' then put(m) else plain = plain + 1 end
  end
end
if stored > 0 then
  local kept = string.sub((extras['!' .. SERVER] or '') .. print .. ' ' .. stored .. ' ' .. full .. ' ' .. plain .. ';', -1024)
  redis.call('HSET', KEYS[1], '!' .. SERVER, kept)
end
return {stored, full, plain}
