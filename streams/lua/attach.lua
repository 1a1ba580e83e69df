-- attach: one connection becomes the connection of a session: a new one, one that comes back, or one's own again.
--
-- KEYS[1] room hash
-- ARGV 1 mode: j join, r resume by token, x restore one's own session with a fresh epoch
--      2 role  3 dialect  4 keep  5 instance  6 session  7 clientId for a new session
--      8 token hash or -  9 grace ms  10 held ms  11 most members  12 page entries  13 page bytes
--      14 clientId to come back as or -  15 its token's hash (r), or the older token's (x), or -
--      16 cursor: entry ID or -  17 ms this request has waited
--      18 nonce for probes, or - when they are done  19 token hash if the resume succeeds, or -
--      20 trace of this connection or -
--      21.. clientId, session of who did not answer a probe
-- Reply: {verdict, clientId, epoch, version, last entry ID, replay, superseded, more, peers, entries, undelivered, refusal, ended, link}
--   verdict N new, R resumed (or restored), or alone: {'C', ended, clientId, …} contested, wait for the probes;
--   {'B', ended} room full; {'F'} another connection holds the session (x); {'E'} it was ended lately (x)
--   ended: sessions that were ended by the way (lib.lua, remove); link: trace of the session's last traced connection, or ''
--   refusal of a resume, '' if none: N no such session, M mismatch, L lost
local mode, role, dialect, keep, inst, sid = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local grace, held = tonumber(ARGV[9]), ARGV[10]
local count, bytes = tonumber(ARGV[12]), tonumber(ARGV[13])
local want, hash, after = ARGV[14], ARGV[15], ARGV[16]
local NONCE, TRACE = ARGV[18], ARGV[20]
local t = clock()
load()
-- Nor may a new mailbox be made where it cannot be: see together.
if CLUSTER then redis.call('EXISTS', box(ARGV[7])) end

if mode == 'x' and members[want] and members[want].sid ~= sid then return {'F'} end

local due = {}
for _, m in pairs(members) do
  -- not one's own: whoever asks for that lives, and takes it back
  if m.state == 'S' and m.sid ~= sid and tonumber(m.due) <= t then due[#due + 1] = m end
end
for _, m in ipairs(due) do remove(m, 'w') end

-- takeable finds the plain session a returning plain client takes over (PROTOCOL.md part 3).
local function takeable()
  for i = 21, #ARGV, 2 do
    local m = members[ARGV[i]]
    if m and m.state == 'L' and m.sid == ARGV[i + 1] then lapse(m, t, grace) end
  end
  local waiting, live = {}, {}
  for _, m in pairs(members) do
    if m.role == role and m.dialect == 'p' and m.keep == '1' then
      local list = m.state == 'S' and waiting or live
      list[#list + 1] = m
    end
  end
  if NONCE ~= '-' then
    local asked = {}
    for _, m in ipairs(live) do
      local n = ring(m.inst, words('p', m, inst, NONCE))
      if n == 0 and provable(m.inst) and m.inst ~= inst then
        lapse(m, t, grace)
        waiting[#waiting + 1] = m
      else
        asked[#asked + 1] = m.id
        asked[#asked + 1] = m.sid
      end
    end
    if #asked > 0 then return nil, asked end
    live = {}
  end
  if #live == 0 and #waiting == 1 then return waiting[1] end
end

-- supersede deletes what must not be replayed and returns the rest.
local function supersede(id)
  local entries, latest, current, rest, drop, lost = redis.call('XRANGE', box(id), '-', '+'), {}, {}, {}, {}, 0
  for i, e in ipairs(entries) do
    if string.sub(e[2][2], 1, 1) == 'o' then latest[string.sub(e[2][2], 2, 37)] = i end
  end
  for i, e in ipairs(entries) do
    local kind, from = string.sub(e[2][2], 1, 1), string.sub(e[2][2], 2, 37)
    local stale = false
    if kind == 'o' then
      current[from], stale = i, latest[from] > i
    elseif kind == 'a' then
      current[from] = nil
    elseif current[from] then
      stale = latest[from] > current[from]
    end
    if stale or not members[from] then
      drop[#drop + 1], lost = e[1], lost + #e[2][2]
    else
      rest[#rest + 1] = e
    end
  end
  for i = 1, #drop, 1000 do redis.call('XDEL', box(id), unpack(drop, i, math.min(i + 999, #drop))) end
  if #drop > 0 then
    local bytes, count, last = hot(extras['#' .. id])
    weigh(id, bytes - lost, count - #drop, last)
  end
  return rest, #drop
end

local link = ''
local function reply(verdict, m, rest, dropped, refusal)
  local entries, more = page(rest, count, bytes)
  local _, _, last = hot(extras['#' .. m.id])
  return {verdict, m.id, m.epoch, extras.v or '0', last, #rest, dropped, more, present(role, t), entries,
    (string.gsub(extras['~' .. m.id] or '', TOLD, '')), refusal, gone, link}
end

local function announce(kind, m)
  local deaf = tell(role, words(kind, m, version()))
  deaf[inst] = nil -- the one that asks lives: it is subscribing again
  bury(deaf, t, grace)
end

local function hold(m)
  redis.call('PEXPIRE', box(m.id), held)
  redis.call('PEXPIRE', KEYS[1], held)
end

-- above is an epoch behind all that a client has seen, whatever the clock of this server says.
local function above(id) return (tonumber(string.match(id, '^%d+')) or 0) + 1 end

local function fresh(id, refusal)
  local n = 0
  for _ in pairs(members) do n = n + 1 end
  if n >= tonumber(ARGV[11]) then return {'B', gone} end
  local prev = mode == 'x' and hash or '-'
  local epoch = t
  if mode == 'x' then epoch = math.max(t, above(after)) end
  local m = {id = id, role = role, dialect = dialect, keep = keep, state = 'L', inst = inst, sid = sid, epoch = int(epoch),
    joined = version(), at = int(t), due = '0', tok = ARGV[8], prev = prev, later = ''}
  redis.call('DEL', box(id))
  redis.call('XGROUP', 'CREATE', box(id), 'g', '0', 'MKSTREAM')
  members[id] = m
  save(m)
  if TRACE ~= '-' then
    local all = total(m)
    all[7] = TRACE
    tally(m, all)
  end
  hold(m)
  announce('j', m)
  return reply('N', m, {}, 0, refusal)
end

-- come gives session m to this connection and fences the one before.
local function come(m, token, prev)
  if after ~= '-' then acked(m.id, after) end
  extras['#' .. m.id] = redis.call('HGET', KEYS[1], '#' .. m.id)
  local rest, dropped = supersede(m.id)
  local all = total(m, '1 0 0 ' .. #rest .. ' ' .. dropped) -- before this connection takes the place of the one before
  link = all[7] or ''
  if TRACE ~= '-' then all[7] = TRACE end
  if m.sid ~= sid then ring(m.inst, words('f', m)) end
  m.state, m.inst, m.sid, m.at, m.due, m.tok, m.prev = 'L', inst, sid, int(t), '0', token, prev
  hold(m)
  save(m)
  tally(m, all)
  announce('r', m)
  local list = string.gsub(extras['~' .. m.id] or '', TOLD, '')
  if list ~= '' then redis.call('HSET', KEYS[1], '~' .. m.id, list .. TOLD) end
  return reply('R', m, rest, dropped, '')
end

-- The answer to this very call was lost, and it is made again. What it did is done, and what came since stays.
local function again()
  for _, m in pairs(members) do
    if m.sid == sid then
      hold(m)
      if m.state == 'S' then
        m.state, m.due = 'L', '0'
        save(m)
        announce('r', m)
      end
      return reply(m.id == ARGV[7] and 'N' or 'R', m, redis.call('XRANGE', box(m.id), '-', '+'), 0, '')
    end
  end
end

if mode == 'x' then
  local m = members[want]
  if not m and noted(want) then return {'E'} end -- this very call may be late
  if not m then return fresh(want, '') end
  m.epoch = int(math.max(t, tonumber(m.epoch) + 1, above(after)))
  m.state, m.inst, m.due = 'L', inst, '0'
  redis.call('PEXPIRE', KEYS[1], held)
  save(m)
  redis.pcall('XGROUP', 'CREATE', box(m.id), 'g', '0', 'MKSTREAM') -- only where it is missing
  hold(m)
  announce('r', m)
  return reply('R', m, redis.call('XRANGE', box(m.id), '(' .. after, '+'), 0, '')
end

local done = again()
if done then return done end

if mode == 'j' then
  if dialect == 'p' and keep == '1' then
    local m, asked = takeable()
    if asked then return {'C', gone, unpack(asked)} end
    if m then return come(m, '-', '-') end
  end
  return fresh(ARGV[7], '')
end

local m = members[want]
if not m then return fresh(ARGV[7], 'N') end
local current = hash ~= '-' and hash == m.tok
-- The older token is good while nothing proved that the newer one arrived, but not for a request that is
-- older than the connection it would evict: that is the client's own slow attempt.
local older = hash ~= '-' and hash == m.prev and t - tonumber(ARGV[17]) >= tonumber(m.at)
if m.role ~= role or m.dialect ~= 'r' or not (current or older) then return fresh(ARGV[7], 'M') end
local _, _, last = hot(extras['#' .. m.id])
if (after ~= '-' and idcmp(after, last) > 0) or redis.call('EXISTS', box(m.id)) == 0 then
  ring(m.inst, words('f', m))
  how = 'store_lost'
  remove(m, 'n')
  return fresh(ARGV[7], 'L')
end
return come(m, ARGV[19], hash)
