-- told: a client has proven that it knows which of its messages expired undelivered. Stop keeping them for it (lib.lua, LATE).
--
-- KEYS[1] room hash
-- ARGV 1 clientId  2.. what was kept, an item each: clientId of the receiver, 7 digits length, requestId
-- Reply: O
local field = '~' .. ARGV[1]
local list = redis.call('HGET', KEYS[1], field)
if not list then return 'O' end
local rest = list
for i = 2, #ARGV do
  local item = LATE .. ARGV[i]
  local from, to = string.find(rest, item, 1, true)
  if from then rest = string.sub(rest, 1, from - 1) .. string.sub(rest, to + 1) end
end
if rest == list then return 'O' end
redis.call('HDEL', KEYS[1], field) -- first, so that it works when memory is full
if rest ~= '' then redis.call('HSET', KEYS[1], field, rest) end
return 'O'
