// Package turn makes the list of ICE servers for a client, with TURN credentials that expire.
//
// The credentials follow coturn's use-auth-secret, the scheme of draft-uberti-behave-turn-rest-00 section 2.2: the
// TURN server and this package share a secret, and nothing else.
//
//	username   = <Unix time at which it expires> ":" <id of the client>
//	credential = base64( HMAC-SHA1( secret, username ) )
//
// The TURN server computes the same and checks the time, so both clocks have to agree to within a fraction of the TTL.
// coturn counts its user-quota by the id, so a constant id holds a client to its quota however often its
// credentials are renewed. The scheme requires HMAC-SHA1 (RFC 2104; SHA-1's collisions do not affect an HMAC).
//
// To change the secret without a gap, give coturn both secrets (it accepts static-auth-secret more than once), give this
// package the new one, and remove the old one from coturn after one TTL.
package turn
