-- lib.lua: what the room scripts share; it is put in front of each of them when they are loaded. In front of it stands CLUSTER:
-- whether Redis is a cluster.
--
-- KEYS[1] is always the room hash `{room}:m`; the mailboxes `{room}:s:<clientId>` share its hash tag.
-- A member's record is one line of words:
--   role dialect keep state instance session epoch joined attached due token previousToken
-- role w or e: the two of the plain dialect, wallet and extension; source>target: any other. See opposite;
-- keep 1: the session survives a lost connection; state L live, S suspended; joined: the room's version
-- then; attached, due: Unix time in ms; token: a hash or '-'.
-- Words behind these are of later versions: they are kept as they are. None of them may be '-'. So far:
--   u=<base64url>: the user that its token named, see user
-- 'x<clientId>' is its tally, see total; '!', '!!' and 'x!<clientId>' belong to send.lua; 'x' and 'x.' are for remember. A field of another kind needs one of the
-- prefixes ! # ~ v g x, which earlier versions leave alone.
local room = string.sub(KEYS[1], 2, -4)
local prefix = string.sub(KEYS[1], 1, -2)
-- SERVER stands for the sender where the operator is: no client has that ID.
local SERVER = '00000000-0000-0000-0000-000000000000'
local members, extras
-- counts: what the script's own connection did, "0 in out 0 0", to be added to the tally. reason: one word, why its session ended, if
-- it ends. Set by the scripts that know.
local counts, reason
local TOLD = string.rep('=', 36) .. '0000000' -- see report
local ended = {} -- the sessions that were ended, for the reply: see remove

-- When memory is full (OOM), Redis refuses a script's commands that may grow it until the script has made
-- another write. What ends in freeing memory therefore begins with a write that is never refused
-- (PEXPIRE, DEL, XTRIM); what stores something new begins with one that is.

local function clock()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

local function int(n) return string.format('%.0f', n) end

local function box(id) return prefix .. 's:' .. id end

local function parse(id, rec)
  local role, dialect, keep, state, inst, sid, epoch, joined, at, due, tok, prev, later =
    string.match(rec, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)(.*)$')
  return {id = id, role = role, dialect = dialect, keep = keep, state = state, inst = inst, sid = sid, epoch = epoch,
    joined = joined, at = at, due = due, tok = tok, prev = prev, later = later}
end

-- user is whose session it is: base64url, or '-' if it has no name. isBox reports whether a member is a box, which holds messages for a
-- PeerJS id that no client has: see post.lua.
local function isBox(m) return m.dialect == 'j' and m.tok == '-' end

local function user(m) return string.match(m.later, ' u=(%S+)') or '-' end

local function save(m)
  redis.call('HSET', KEYS[1], m.id, m.role .. ' ' .. m.dialect .. ' ' .. m.keep .. ' ' .. m.state .. ' ' .. m.inst .. ' ' .. m.sid .. ' ' .. m.epoch ..
    ' ' .. m.joined .. ' ' .. m.at .. ' ' .. m.due .. ' ' .. m.tok .. ' ' .. m.prev .. m.later)
end

-- together fails when a mailbox is not where the room is: their slot is on its way from one primary to another, a few keys at a time.
-- It asks for several keys at once, which Redis refuses then (TRYAGAIN, or a key that is not local). Nothing has been written yet,
-- and the call is repeated until the slot is in one place. A mailbox that is really lost is no error.
local function together()
  local keys = {KEYS[1]}
  for id in pairs(members) do keys[#keys + 1] = box(id) end
  if #keys > 1 then redis.call('EXISTS', unpack(keys)) end
end

-- load reads the room once: members by clientId, and the fields that belong to them.
local function load()
  members, extras = {}, {}
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    if string.find(all[i], '^[!#~vgx]') then extras[all[i]] = all[i + 1]
    else members[all[i]] = parse(all[i], all[i + 1]) end
  end
  if CLUSTER then together() end
end

local function version()
  local v = redis.call('HINCRBY', KEYS[1], 'v', 1)
  extras.v = int(v)
  return extras.v
end

-- total is what is known of a session over all of its connections, with more of it added: when it began (Unix ms), then
-- connections, messages in, messages out, replayed ones, superseded ones, and, if it is traced, the last traced connection.
local function total(m, more)
  local all, i = {}, 1
  for n in string.gmatch(extras['x' .. m.id] or m.at .. ' 1 0 0 0 0', '%S+') do all[#all + 1] = n end
  for n in string.gmatch(more or '', '%d+') do
    i = i + 1
    all[i] = int(tonumber(all[i]) + tonumber(n))
  end
  return all
end

local function tally(m, all)
  extras['x' .. m.id] = table.concat(all, ' ')
  redis.call('HSET', KEYS[1], 'x' .. m.id, extras['x' .. m.id])
end

-- ring publishes a doorbell for an instance and returns how many heard it. On a cluster an instance listens at each primary, on a
-- channel of that primary's: so what a primary rings for does not depend on another one. The channel without a primary is for
-- instances of earlier versions, and for those that have not found this primary yet.
-- An instance that does not hear it is dead, or will sync once it has subscribed again, which takes its sessions back.
local me
local function ring(inst, text)
  if CLUSTER then
    me = me or redis.call('CLUSTER', 'MYID')
    local heard = redis.call('PUBLISH', 'rejoin:i:' .. inst .. '@' .. me, text)
    if heard > 0 then return heard end
  end
  return redis.call('PUBLISH', 'rejoin:i:' .. inst, text)
end

-- provable: does a doorbell without receivers prove that an instance does not listen? On a cluster only for those of this version and
-- later ones: others listen at one primary, and PUBLISH counts the receivers at its own.
local function provable(inst)
  return not CLUSTER or string.find(inst, '%.' .. string.rep('%x', 19) .. '$') ~= nil
end

-- opposite is the role of a role's peers. Two members are peers if the source of each is the target of the other. No member is its own
-- peer.
local function opposite(role)
  if role == 'w' then return 'e' end
  if role == 'e' then return 'w' end
  local source, target = string.match(role, '^([^>]+)>(.+)$')
  return target .. '>' .. source
end

-- announce rings once at every instance that holds a live peer of m. It returns the instances that had no receiver.
local function announce(m, text)
  local theirs, rung, noReceivers = opposite(m.role), {}, {}
  for _, p in pairs(members) do
    if p.role == theirs and p ~= m and p.state == 'L' and not rung[p.inst] then
      rung[p.inst] = true
      if ring(p.inst, text) == 0 and provable(p.inst) then noReceivers[p.inst] = true end
    end
  end
  return noReceivers
end

local function encodeBell(kind, m, ...)
  return kind .. room .. ' ' .. table.concat({m.id, m.role, m.dialect, m.keep, m.sid, m.inst, ...}, ' ')
end

-- encodeArrival is encodeBell for a member that is live now: its version, and its user if it has one.
local function encodeArrival(kind, m)
  local whose = user(m)
  return encodeBell(kind, m, version(), whose ~= '-' and whose or nil)
end

-- senderAndRequest reads an entry: {from, <7 digits length><requestId>}.
local function senderAndRequest(e)
  local body = e[2][2]
  return {string.sub(body, 2, 37), string.sub(body, 38, 44 + tonumber(string.sub(body, 38, 44)))}
end

-- undelivered lists what a mailbox still holds, by entry.
local function undelivered(m)
  local list = {}
  for i, e in ipairs(redis.call('XRANGE', box(m.id), '-', '+')) do list[i] = senderAndRequest(e) end
  return list
end

-- keepUndelivered keeps such a list for its senders, also for those that are rung for: their connections may be stalled, or dead and
-- not yet known to be. It waits in '~<clientId>', at most 32 KiB each, until they have spoken on their next connection. A list that was cut
-- ends with CUT in place of a clientId, behind what their connection was opened with stands TOLD, and before a message whose time was over LATE:
-- versions that do not know these skip them. LATE stands in front of the script, for told.lua has it too. before is what stands before each item.
local CUT = string.rep('*', 36) .. '0000000'
local function keepUndelivered(m, list, before)
  local kept = {}
  for _, item in ipairs(list) do
    local f = members[item[1]]
    if f and f.dialect == 'r' then
      local text = kept[f.id] or extras['~' .. f.id] or ''
      if string.sub(text, -#CUT) ~= CUT then
        kept[f.id] = text .. (#text + #before + 36 + #item[2] <= 32768 and before .. m.id .. item[2] or CUT)
      end
    end
  end
  for from, text in pairs(kept) do
    extras['~' .. from] = text
    redis.call('HSET', KEYS[1], '~' .. from, text)
  end
end

-- setLifetime gives a room without a live client a lifetime of its own. If a room has no client at all, only the list of those that the
-- operator removed stays, for an hour: an instance that missed the doorbells would take such a session for lost by Redis, and bring its client back.
local function setLifetime(grace)
  local any = false
  for _, m in pairs(members) do
    if m.state == 'L' then return end
    any = true
  end
  if any then
    redis.call('PEXPIRE', KEYS[1], int(grace + 30000))
    return
  end
  redis.call('DEL', KEYS[1])
  if extras['x.'] then
    redis.call('HSET', KEYS[1], 'x.', extras['x.'])
    redis.call('PEXPIRE', KEYS[1], 3600000)
  end
end

-- remember: 'x' holds the beginnings of the last clientIds whose sessions were ended, so that an instance that was frozen
-- meanwhile learns that its session was ended, and not lost by Redis. 'x.' holds those that the operator removed: they may be as many as
-- a room has clients, and stay when the room is empty, see setLifetime.
local NAME, NAMES, REMOVED = 8, 32, 1024
local function remember(id)
  local field, most = 'x', NAMES
  if reason == 'removed' then field, most = 'x.', REMOVED end
  extras[field] = string.sub((extras[field] or '') .. string.sub(id, 1, NAME), -NAME * most)
  redis.call('HSET', KEYS[1], field, extras[field])
end

local function remembered(id)
  for _, x in pairs({extras.x or '', extras['x.'] or ''}) do
    for i = 1, #x, NAME do
      if string.sub(x, i, i + NAME - 1) == string.sub(id, 1, NAME) then return true end
    end
  end
  return false
end

-- remove ends a session for good; why: 'n' it left, 'w' its window ended. It adds a line to ended, for the caller's log:
--   clientId role dialect instance reason undelivered lasted-ms connections in out replayed superseded
-- For dialect j, behind a line feed, what was undelivered: senderAndRequest, flat.
local function remove(m, why)
  local list, flat, all = undelivered(m), {}, total(m, counts)
  for i, item in ipairs(list) do flat[i] = item[1] .. item[2] end
  all[1] = int(math.max(0, clock() - tonumber(all[1])))
  ended[#ended + 1] = table.concat({m.id, m.role, m.dialect, m.inst, isBox(m) and 'unclaimed' or why == 'w' and 'expired' or reason or 'lost', #list, unpack(all, 1, 6)}, ' ')
  if m.dialect == 'j' then ended[#ended] = ended[#ended] .. '\n' .. table.concat(flat) end -- its senders are in rooms of their own: see post.lua
  redis.call('DEL', box(m.id))
  redis.call('HDEL', KEYS[1], m.id, '!' .. m.id, '#' .. m.id, '~' .. m.id, 'x' .. m.id, 'x!' .. m.id, '!!' .. m.id)
  members[m.id], extras['#' .. m.id], extras['~' .. m.id], extras['x' .. m.id] = nil, nil, nil, nil
  remember(m.id)
  announce(m, encodeBell('l', m, version(), why) .. '\n' .. table.concat(flat))
  keepUndelivered(m, list, '')
end

-- suspend starts a window, in which a session waits for its client.
local function suspend(m, t, window)
  m.state, m.due = 'S', int(t + window)
  redis.call('PEXPIRE', box(m.id), int(window + 30000))
  save(m)
  if counts then tally(m, total(m, counts)) end
  announce(m, encodeBell('s', m, version(), int(window)))
end

-- disconnect starts the grace window of a session whose connection is gone, or ends a session that has no window.
local function disconnect(m, t, grace)
  if m.keep ~= '1' then return remove(m, 'n') end
  suspend(m, t, grace)
end

-- suspendDead suspends every live session of instances that had no receiver. Such an instance may be well, and subscribing again:
-- a session without a grace window is ended only when its instance has not taken it back (sync) within DOUBT.
local DOUBT = 5000
local function suspendDead(noReceivers, t, grace)
  for inst in pairs(noReceivers) do
    local theirs = {}
    for _, m in pairs(members) do
      if m.inst == inst and m.state == 'L' then theirs[#theirs + 1] = m end
    end
    for _, m in ipairs(theirs) do suspend(m, t, m.keep == '1' and grace or math.min(grace, DOUBT)) end
  end
end

-- later compares entry IDs, as text: a client's cursor may be larger than a Lua number.
local function later(a, b)
  local am, as = string.match(a, '^(%d+)-(%d+)$')
  local bm, bs = string.match(b, '^(%d+)-(%d+)$')
  if #am ~= #bm then return #am > #bm end
  if am ~= bm then return am > bm end
  if #as ~= #bs then return #as > #bs end
  return as > bs
end

-- waitingIn reads what changes with every message of a mailbox: bytes and entries waiting, and the last entry ID.
local function waitingIn(text)
  if not text then return 0, 0, '0-0' end
  local bytes, count, last = string.match(text, '^(%d+) (%d+) (%S+)$')
  return tonumber(bytes), tonumber(count), last
end

-- setWaiting stores that field.
local function setWaiting(id, bytes, count, last)
  local text = int(math.max(0, bytes)) .. ' ' .. int(math.max(0, count)) .. ' ' .. last
  if extras then extras['#' .. id] = text end
  redis.call('HSET', KEYS[1], '#' .. id, text)
end

-- discard deletes entries that will never be delivered.
local function discard(id, entries)
  local ids, freed = {}, 0
  for i, e in ipairs(entries) do ids[i], freed = e[1], freed + #e[2][2] end
  for i = 1, #ids, 1000 do redis.call('XDEL', box(id), unpack(ids, i, math.min(i + 999, #ids))) end
  local bytes, count, last = waitingIn(extras['#' .. id])
  setWaiting(id, bytes - freed, count - #ids, last)
end

-- timely returns those of m's entries that may be delivered at t. It deletes the others, whose time is over, and tells their
-- senders: by a doorbell, and by keepUndelivered until they have proven that they know (told.lua): the doorbell may be lost, or the connection dead.
local function timely(m, entries, t)
  local rest, late, items, theirs = {}, {}, {}, {}
  for _, e in ipairs(entries) do
    local due = e[2][6]
    if due and tonumber(due) <= t then late[#late + 1] = e else rest[#rest + 1] = e end
  end
  if #late == 0 then return entries end
  discard(m.id, late)
  for i, e in ipairs(late) do
    local item = senderAndRequest(e)
    local f = members[item[1]]
    items[i] = item
    if f and f.dialect == 'r' and f.state == 'L' then theirs[f.id] = (theirs[f.id] or '') .. m.id .. item[2] end
  end
  keepUndelivered(m, items, LATE)
  for id, flat in pairs(theirs) do ring(members[id].inst, encodeBell('u', members[id]) .. '\n' .. flat) end
  return rest
end

-- acknowledge moves the group of id's mailbox to `upto`, or to the last entry there ever was, and frees what lies before it. An already
-- acknowledged position changes nothing. waiting is the mailbox' field (waitingIn), returned unchanged in that case.
local function acknowledge(id, key, waiting, upto)
  local call = redis.call
  if not waiting or string.find(waiting, ' 0 ', 1, true) then return waiting end
  local all = string.find(waiting, ' ' .. upto, -1 - #upto, true)
  if not all then
    local bytes, count, last = string.match(waiting, '^(%d+) (%d+) (%S+)$')
    local ms, seq = string.match(upto, '^(%d+)-(%d+)$')
    if later(upto, last) then
      all, upto = true, last
    else
      -- Reading entries is the most expensive thing a script does, so read whichever are fewer: the remaining ones or the freed ones.
      local epoch, most = string.match(last, '^(%d+)-(%d+)$')
      local rest = ms == epoch and most - seq < count / 2
      local entries, size = rest and call('XRANGE', key, '(' .. upto, '+') or call('XRANGE', key, '-', upto), 0
      for _, e in ipairs(entries) do size = size + #e[2][2] end
      local left = rest and #entries or count - #entries
      if left == tonumber(count) then return waiting end
      if call('XTRIM', key, 'MINID', '=', string.format('%s-%.0f', ms, seq + 1)) == 0 then return waiting end
      waiting = string.format('%.0f %.0f %s', math.max(0, rest and size or bytes - size), math.max(0, left), last)
    end
  end
  if all then
    if call('XTRIM', key, 'MAXLEN', '=', '0') == 0 then return waiting end -- the mailbox is lost
    waiting = '0 0 ' .. upto
  end
  local set = redis.pcall('XGROUP', 'SETID', key, 'g', upto)
  if type(set) == 'table' and set.err then -- the embedded Redis has no SETID
    call('XGROUP', 'DESTROY', key, 'g')
    call('XGROUP', 'CREATE', key, 'g', upto)
  end
  call('HSET', KEYS[1], '#' .. id, waiting)
  return waiting
end

-- page takes entries while they fit; it returns them flat (id, body, trace or '', …) and whether more follow. An entry's fields are
-- b its body, t its trace, d when its time is over, Unix ms. (Earlier versions know the first, or the first two.)
local function page(entries, count, bytes)
  local flat, size = {}, 0
  for i, e in ipairs(entries) do
    size = size + #e[2][2]
    if i > count or (i > 1 and size > bytes) then return flat, 1 end
    flat[#flat + 1] = e[1]
    flat[#flat + 1] = e[2][2]
    flat[#flat + 1] = e[2][4] or ''
  end
  return flat, 0
end

-- present lists the peers of m, oldest first: id state dialect keep session instance ms-left user, flat.
local function present(m, t)
  local theirs, list, flat = opposite(m.role), {}, {}
  for _, p in pairs(members) do
    if p.role == theirs and p ~= m then list[#list + 1] = p end
  end
  table.sort(list, function(a, b) return tonumber(a.joined) < tonumber(b.joined) end)
  for _, p in ipairs(list) do
    local left = 0
    if p.state == 'S' then left = tonumber(p.due) - t end
    for _, w in ipairs({p.id, p.state, p.dialect, p.keep, p.sid, p.inst, int(left), user(p)}) do flat[#flat + 1] = w end
  end
  return flat
end

-- claims lists the live members that an instance is said to hold: clientId, session, flat.
local function claims(inst)
  local flat = {}
  for _, m in pairs(members) do
    if m.inst == inst and m.state == 'L' then
      flat[#flat + 1] = m.id
      flat[#flat + 1] = m.sid
    end
  end
  return flat
end
