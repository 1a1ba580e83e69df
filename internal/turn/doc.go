// Package turn makes the list of ICE servers that a client needs, with TURN credentials that end by themselves.
//
// The credentials are those of coturn's use-auth-secret, the scheme of draft-uberti-behave-turn-rest-00 section 2.2: the
// TURN server and this package share a secret, and nothing else.
//
//	username   = <Unix time at which it ends> ":" <id of the client>
//	credential = base64( HMAC-SHA1( secret, username ) )
//
// The TURN server computes the same and looks at the time; both clocks have to agree to within a fraction of the TTL.
// coturn counts its user-quota by the id, so an id that stays the same keeps a client within it however often its
// credentials are renewed. HMAC-SHA1 is what the scheme asks for (RFC 2104; SHA-1's collisions do not concern an HMAC).
//
// To change the secret without a gap, let coturn know both (it takes static-auth-secret more than once), give this
// package the new one, and take the old one from coturn when a TTL has passed.
package turn
