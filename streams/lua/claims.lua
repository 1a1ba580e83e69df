-- claims: which live members of a room is an instance said to hold? It asks when it was rung for one that it does not have.
--
-- KEYS[1] room hash
-- ARGV 1 instance
-- Reply: {clientId, session, …}
load()
return claims(ARGV[1])
