-- post_live: post.lua's usual case: the id's client is connected, the message is new, and there is room for it. It is put in front of
-- lib.lua and post.lua, and leaves the rest to them: defining their functions costs as much as all of this.
do
  local call, find, match, sub = redis.call, string.find, string.match, string.sub
  local hash, id, print, body, before = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
  local ring, waiting = '!' .. id, '#' .. id -- fields
  local got = call('HMGET', hash, id, ring, waiting, 'g')
  local prints = got[2] or ''
  local inst, epoch = match(got[1] or '', '^%S+ . . L (%S+) %S+ (%d+)') -- see parse in lib.lua
  local bytes, count = match(got[3] or '0 0', '^(%d+) (%d+)')
  bytes, count = bytes + #body, count + 1
  if inst and ARGV[8] == '' and got[4] == GENERATION and bytes <= MOST_BYTES and count <= MOST_ENTRIES
    and not find(prints, print, 1, true) and (before == '' or find(prints, before, 1, true)) then
    local entry = call('XADD', KEYS[2], 'NOMKSTREAM', epoch .. '-*', 'b', body)
    if entry then
      prints = prints .. print
      if #prints > 576 then prints = sub(prints, -512) end -- 64 fingerprints, and not at every message
      call('HSET', hash, ring, prints, waiting, string.format('%d %d %s', bytes, count, entry))
      if #body > MOST_RUNG then body = '' end
      local channel, text = 'rejoin:i:' .. inst, 'd' .. sub(hash, 2, -4) .. id .. entry .. ' ' .. body
      if CLUSTER and call('PUBLISH', channel .. '@' .. GENERATION, text) > 0 or call('PUBLISH', channel, text) > 0 then return {'S', 0} end
      return {'N', 0}
    end
  end
end
