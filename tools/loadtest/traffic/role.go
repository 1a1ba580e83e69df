package traffic

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Role is one side of a pair.
type Role uint8

// The two roles of docs/protocol.md, P1.2.
const (
	Extension Role = iota
	Wallet
)

// Opposite returns the other role.
func (r Role) Opposite() Role { return 1 - r }

func (r Role) String() string {
	if r == Wallet {
		return "wallet"
	}
	return "extension"
}

// Dialect is how a client speaks.
type Dialect uint8

// The two dialects of docs/protocol.md.
const (
	Plain Dialect = iota
	RejoinV1
)

func (d Dialect) String() string {
	if d == RejoinV1 {
		return "rejoin.v1"
	}
	return "plain"
}

// ParseDialect reads what String writes.
func ParseDialect(s string) (Dialect, error) {
	for _, d := range []Dialect{Plain, RejoinV1} {
		if s == d.String() {
			return d, nil
		}
	}
	return 0, fmt.Errorf("dialect %q: want plain or rejoin.v1", s)
}

// Protocols is the Sec-WebSocket-Protocol of a client without a session.
func (d Dialect) Protocols() string {
	if d == RejoinV1 {
		return "rejoin.v1"
	}
	return ""
}

// Target returns the request target of a client in the i-th room of a run.
func Target(run string, room int, r Role) string {
	id := sha256.Sum256(fmt.Appendf(nil, "%s/%d", run, room))
	return fmt.Sprintf("/%s?source=%s&target=%s", hex.EncodeToString(id[:]), r, r.Opposite())
}
