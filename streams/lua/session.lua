-- session.lua: the code shared by join, resume and restore, put after lib.lua in each of them. All three give a connection a session.
--
-- KEYS[1] room hash
-- ARGV 1 role  2 dialect  3 keep  4 instance  5 session  6 clientId of a new session, - if none may be made  7 its token hash or -
--      8 grace ms  9 lifetime of keys, ms  10 most members  11 page entries  12 page bytes  13 trace of this connection or -
--      14 user, base64url or -: a session is resumed, and taken over, by its own only
--      15.. are each script's own
-- Reply: {verdict, clientId, epoch, version, last entry ID, replay, superseded, more, peers, entries, undelivered, refusal, ended, link}
--   verdict: N a new session, R an existing one; or alone: {'B', ended} room full; {'X', ended} not resumed, and no
--   new session may be made; join and restore have further ones
--   ended: sessions that were ended by the way (lib.lua, remove); link: trace of the session's last traced connection, or ''
--   entries: or the time of Redis, ms: see left
--   refusal of a resume, '' if none: N no such session, M mismatch, L lost
local role, inst, sid, TRACE, USER = ARGV[1], ARGV[4], ARGV[5], ARGV[13], ARGV[14]
local QUICK -- the caller reads the entries itself, see left
local grace = tonumber(ARGV[8])
local t = clock()

load()
-- Nor may a new mailbox be made where it cannot be: see together.
if CLUSTER then redis.call('EXISTS', box(ARGV[6])) end

-- sweep ends the sessions whose windows are over.
local function sweep()
  local due = {}
  for _, m in pairs(members) do
    -- not our own: the caller is alive, and takes it back
    if m.state == 'S' and m.sid ~= sid and tonumber(m.due) <= t then due[#due + 1] = m end
  end
  for _, m in ipairs(due) do remove(m, 'w') end
end

-- supersede deletes what must not be replayed and returns the rest, and how much of it was superseded.
local function supersede(m)
  local entries, latest, current, rest, drop = timely(m, redis.call('XRANGE', box(m.id), '-', '+'), t), {}, {}, {}, {}
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
    elseif kind ~= 'm' and current[from] then -- m: of another method
      stale = latest[from] > current[from]
    end
    if stale or not members[from] and from ~= SERVER then
      drop[#drop + 1] = e
    else
      rest[#rest + 1] = e
    end
  end
  if #drop > 0 then discard(m.id, drop) end
  return rest, #drop
end

local link = ''

-- undeliveredFor is the list of what was not delivered that waits for m, as its client is told it.
local function undeliveredFor(m) return (string.gsub(extras['~' .. m.id] or '', TOLD, '')) end

-- reply: rest has the entries that wait, or is their number: see left.
local function reply(verdict, m, rest, dropped, refusal)
  local _, _, last = waitingIn(extras['#' .. m.id])
  local entries, more = t, 0
  if type(rest) == 'table' then
    entries, more = page(rest, tonumber(ARGV[11]), tonumber(ARGV[12]))
    rest = #rest
  end
  return {verdict, m.id, m.epoch, extras.v or '0', last, rest, dropped, more, present(m, t), entries,
    undeliveredFor(m), refusal, ended, link}
end

-- left returns what waits for m, how much of it was superseded, and how much waits. What waits is its number if it makes one page and the caller can
-- read it itself: in a script to read an entry takes five times as long. The caller makes the call again, not QUICK, if one of them should not be
-- delivered (resume.go, dubious).
local function left(m)
  if QUICK then
    local bytes, count = waitingIn(extras['#' .. m.id])
    if count <= tonumber(ARGV[11]) and bytes <= tonumber(ARGV[12]) then return count, 0, count end
  end
  local rest, dropped = supersede(m)
  return rest, dropped, #rest
end

local function announceArrival(kind, m)
  local noReceivers = announce(m, encodeArrival(kind, m))
  noReceivers[inst] = nil -- the caller is alive: it is subscribing again
  suspendDead(noReceivers, t, grace)
end

local function extendLifetime(m)
  redis.call('PEXPIRE', box(m.id), ARGV[9])
  redis.call('PEXPIRE', KEYS[1], ARGV[9])
end

-- fresh begins a new session, whose entries are numbered from epoch on; prev: the token before its own, or '-'.
local function fresh(epoch, prev, refusal)
  if ARGV[6] == '-' then return {'X', ended} end
  local n = 0
  for _ in pairs(members) do n = n + 1 end
  if n >= tonumber(ARGV[10]) then return {'B', ended} end
  local m = {id = ARGV[6], role = role, dialect = ARGV[2], keep = ARGV[3], state = 'L', inst = inst, sid = sid, epoch = int(epoch),
    joined = version(), at = int(t), due = '0', tok = ARGV[7], prev = prev, later = USER ~= '-' and ' u=' .. USER or ''}
  redis.call('DEL', box(m.id))
  redis.call('XGROUP', 'CREATE', box(m.id), 'g', '0', 'MKSTREAM')
  members[m.id] = m
  save(m)
  if TRACE ~= '-' then
    local all = total(m)
    all[7] = TRACE
    tally(m, all)
  end
  extendLifetime(m)
  announceArrival('j', m)
  return reply('N', m, {}, 0, refusal)
end

-- takeOver gives session m to this connection and fences the one before. after: cursor, or '-'.
local function takeOver(m, after, token, prev)
  if after ~= '-' then extras['#' .. m.id] = acknowledge(m.id, box(m.id), extras['#' .. m.id], after) end
  local rest, dropped, replay = left(m)
  local all = total(m, '1 0 0 ' .. replay .. ' ' .. dropped) -- before this connection takes the place of the one before
  link = all[7] or ''
  if TRACE ~= '-' then all[7] = TRACE end
  if m.sid ~= sid then ring(m.inst, encodeBell('f', m)) end
  m.state, m.inst, m.sid, m.at, m.due, m.tok, m.prev = 'L', inst, sid, int(t), '0', token, prev
  extendLifetime(m)
  save(m)
  tally(m, all)
  announceArrival('r', m)
  local list = undeliveredFor(m)
  if list ~= '' then redis.call('HSET', KEYS[1], '~' .. m.id, list .. TOLD) end
  return reply('R', m, rest, dropped, '')
end

-- repeated answers this very call when its answer was lost and the call is repeated. What it did is done, and what came since stays.
local function repeated()
  for _, m in pairs(members) do
    if m.sid == sid then
      extendLifetime(m)
      if m.state == 'S' then
        m.state, m.due = 'L', '0'
        save(m)
        announceArrival('r', m)
      end
      if m.id == ARGV[6] then return reply('N', m, timely(m, redis.call('XRANGE', box(m.id), '-', '+'), t), 0, '') end
      local rest, dropped = left(m)
      if dropped > 0 then
        local all = total(m, '0 0 0 0 ' .. dropped)
        all[5] = int(math.max(0, tonumber(all[5]) - dropped)) -- they were counted as replayed
        tally(m, all)
      end
      return reply('R', m, rest, dropped, '')
    end
  end
end
