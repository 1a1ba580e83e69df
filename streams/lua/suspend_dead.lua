-- suspend_dead: a doorbell for a live session had no receiver. If that is still so, its instance is dead: its sessions in this
-- room are suspended.
--
-- KEYS[1] room hash
-- ARGV 1 clientId  2 the instance that asks: it lives, it is subscribing again  3 grace ms
-- Reply: O done, G the session is gone, or listened for after all
load()
local m = members[ARGV[1]]
if not m or m.state ~= 'L' or m.inst == ARGV[2] then return 'G' end
local channel = 'rejoin:i:' .. m.inst
if not provable(m.inst) or redis.call('PUBSUB', 'NUMSUB', channel)[2] ~= 0 then return 'G' end
if CLUSTER and redis.call('PUBSUB', 'NUMSUB', channel .. '@' .. redis.call('CLUSTER', 'MYID'))[2] ~= 0 then return 'G' end
suspendDead({[m.inst] = true}, clock(), tonumber(ARGV[3]))
return 'O'
