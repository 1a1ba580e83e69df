package auth

import "net/http"

// Refusal says why a client may not connect; the zero value says that it may.
type Refusal uint8

// The refusals. Their names are labels of a metric.
const (
	Admitted Refusal = iota
	NoToken
	TooLong      // more than MaxTokenBytes
	Malformed    // not a JWS in compact form, or claims of the wrong shape
	BadAlgorithm // none, or one that no key of ours has
	UnknownKey   // its kid is not among ours
	BadSignature
	Expired // or without exp
	NotYetValid
	OtherIssuer
	OtherAudience
	Revoked
	OtherRoom // the token is good, but not for this room
	OtherRole // ... not for this role
	NoKeys    // there are none yet: come back later
	Fetching  // its kid is not among ours, and the key set is being fetched: come back later
	refusals
)

var refusalNames = [refusals]string{
	"admitted", "no_token", "too_long", "malformed", "bad_algorithm", "unknown_key", "bad_signature", "expired", "not_yet_valid",
	"other_issuer", "other_audience", "revoked", "other_room", "other_role", "no_keys", "fetching_keys",
}

var refusalTexts = [refusals]string{
	"", "a token is required", "the token is too long", "the token is malformed", "the token's algorithm is not accepted", "the token's key is not known",
	"the token's signature is wrong", "the token has expired", "the token is not valid yet", "the token is from another issuer",
	"the token is for another audience", "the token is revoked", "the token is not for this room", "the token is not for this role",
	"the keys are not known yet, try again later", "the keys are being fetched, try again later",
}

// Refusals lists all of them, Admitted left out.
func Refusals() []Refusal {
	all := make([]Refusal, 0, refusals-1)
	for r := NoToken; r < refusals; r++ {
		all = append(all, r)
	}
	return all
}

// String returns the name of the refusal, as metrics have it.
func (r Refusal) String() string { return refusalNames[r] }

// Text says it to the developer of a client. It repeats nothing of the token.
func (r Refusal) Text() string { return refusalTexts[r] }

// Status is the HTTP status of the answer.
func (r Refusal) Status() int {
	switch r {
	case Admitted:
		return http.StatusSwitchingProtocols
	case OtherRoom, OtherRole:
		return http.StatusForbidden
	case NoKeys, Fetching:
		return http.StatusServiceUnavailable
	}
	return http.StatusUnauthorized
}

// Challenge is the value of WWW-Authenticate that goes with the status (RFC 6750 section 3), "" for none.
func (r Refusal) Challenge() string {
	switch {
	case r == NoToken:
		return "Bearer"
	case r.Status() == http.StatusUnauthorized:
		return `Bearer error="invalid_token"`
	case r.Status() == http.StatusForbidden:
		return `Bearer error="insufficient_scope"`
	}
	return ""
}
