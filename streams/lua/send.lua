-- send: check, dedupe, store, ring.
--
-- KEYS[1] room hash  KEYS[2] mailbox of the target
-- ARGV 1 sender  2 its session  3 target  4 fingerprint, 8 bytes  5 body (body.go)
--      6 most entries  7 most bytes  8 largest body a doorbell carries  9 grace ms  10 1: no receivers means dead
-- Reply: S stored, D stored before, M no such target, B mailbox full, F the sender is fenced or gone
local from, target, body = ARGV[1], ARGV[3], ARGV[5]
local got = redis.call('HMGET', KEYS[1], from, target, '!' .. from, '#' .. target)
if not got[1] then return 'F' end
local sender = parse(from, got[1])
if sender.sid ~= ARGV[2] then return 'F' end
spoken(sender)
local ring = got[3] or ''
if string.find(ring, ARGV[4], 1, true) then return 'D' end
if not got[2] then return 'M' end
local to = parse(target, got[2])
if to.role == sender.role then return 'M' end
if to.state == 'S' and tonumber(to.due) <= clock() then return 'M' end
local bytes = hot(got[4])
if redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[6]) or bytes + #body > tonumber(ARGV[7]) then return 'B' end
local id = redis.call('XADD', KEYS[2], to.epoch .. '-*', 'b', body)
redis.call('HSET', KEYS[1], '!' .. from, string.sub(ring .. ARGV[4], -256), '#' .. target, int(bytes + #body) .. ' ' .. id)
if to.state == 'L' then
  local bell = 'd' .. room .. target .. id .. ' '
  if #body <= tonumber(ARGV[8]) then bell = bell .. body end
  -- Nobody listens: its instance is dead, unless it is the one that asks and is subscribing again.
  if redis.call('PUBLISH', 'rejoin:i:' .. to.inst, bell) == 0 and ARGV[10] == '1' and to.inst ~= sender.inst then
    proven = true
    load()
    bury({[to.inst] = true}, clock(), tonumber(ARGV[9]))
  end
end
return 'S'
