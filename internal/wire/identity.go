package wire

import "time"

// Identity is what the token says that a client has shown. Connections that were let in without one have none.
type Identity struct {
	// User is the token's sub, "" for none. Peers on rejoin.v1 are told.
	User string
	// TokenID is its jti, "" for none.
	TokenID string
	// Expires is its exp, to the second.
	Expires time.Time
	// Late: it had expired when it was shown, not longer ago than the grace window. It is good for the session that it resumes, not for a new one.
	Late bool
}
