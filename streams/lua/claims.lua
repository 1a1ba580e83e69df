-- claims: the live members of a room that are placed with an instance. It asks after a doorbell for a session that it does not have.
--
-- KEYS[1] room hash
-- ARGV 1 instance
-- Reply: {clientId, session, …}
load()
return claims(ARGV[1])
