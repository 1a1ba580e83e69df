-- alive: answer a probe: the probed connection is alive.
--
-- KEYS[1] room hash: only its place counts
-- ARGV 1 instance that asked  2 nonce and clientId
-- Reply: how many heard it
return ring(ARGV[1], 'q' .. ARGV[2])
