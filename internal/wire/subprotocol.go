package wire

import "strings"

// Dialect is how a client is spoken to.
type Dialect byte

// The dialects. Their values are what is stored.
const (
	Plain    Dialect = 'p' // the messages that existing clients know, and no others
	RejoinV1 Dialect = 'r' // with a session that can be resumed
	PeerJS   Dialect = 'j' // that of PeerJS clients: package peerjs
)

// String returns "plain", "peerjs" or the name of the subprotocol.
func (d Dialect) String() string {
	switch d {
	case Plain:
		return "plain"
	case RejoinV1:
		return Subprotocol
	case PeerJS:
		return "peerjs"
	}
	return "unknown"
}

// Subprotocol is the WebSocket subprotocol that asks for RejoinV1 (RFC 6455 section 1.9).
const Subprotocol = "rejoin.v1"

// What a client that comes back offers beside Subprotocol. It is never answered.
const (
	resumePrefix = "rejoin.resume."
	afterPrefix  = "rejoin.after."
)

// authPrefix stands before the token that lets a client in, see package auth. It is never answered either.
const authPrefix = "rejoin.auth."

// Offer is what a client asked for in Sec-WebSocket-Protocol.
type Offer struct {
	Dialect Dialect
	// Accept is what to answer with: Subprotocol when it was offered, else the first offer that is not a token of package auth,
	// "" when nothing was.
	Accept string
	// Resume is whether a resume token was offered, well formed or not. Never set in the plain dialect; always for a PeerJS client, whose
	// token may be that of a session that waits for it.
	Resume bool
	// Token is the text of the resume token, or of what a PeerJS client shows for its id.
	Token string
	// After is the text of the entry ID that the client has everything up to, "" when it gave none.
	After string
	// Auth is the text of the token that the client shows to be let in, "" for none.
	Auth string
	// Identity is what that token says, once it was checked; nil for a client that was let in without one.
	Identity *Identity
}

// ParseSubprotocols reads the values of all Sec-WebSocket-Protocol headers of a request, each a comma separated
// list (RFC 6455 section 11.3.4). Names are compared exactly; of several tokens or positions the first wins;
// what is no HTTP token is passed over, so that Accept can always be put into a header. It never fails.
func ParseSubprotocols(values ...string) Offer {
	offer := Offer{Dialect: Plain}
	var token, after string
	var resume, positioned bool
	for _, list := range values {
		for name := range strings.SplitSeq(list, ",") {
			name = strings.Trim(name, " \t")
			if !isToken(name) {
				continue
			}
			if text, ok := strings.CutPrefix(name, authPrefix); ok {
				if offer.Auth == "" {
					offer.Auth = text
				}
				continue
			}
			if offer.Accept == "" {
				offer.Accept = name
			}
			if name == Subprotocol {
				offer.Dialect = RejoinV1
			} else if text, ok := strings.CutPrefix(name, resumePrefix); ok && !resume {
				resume, token = true, text
			} else if text, ok := strings.CutPrefix(name, afterPrefix); ok && !positioned {
				positioned, after = true, text
			}
		}
	}
	if offer.Dialect == RejoinV1 {
		offer.Accept = Subprotocol
		offer.Resume, offer.Token, offer.After = resume, token, after
	}
	return offer
}

// isToken reports whether text is a token of RFC 9110 section 5.6.2.
func isToken(text string) bool {
	for i := range len(text) {
		c := text[i]
		alphanumeric := '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
		if !alphanumeric && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return text != ""
}
