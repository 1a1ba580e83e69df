package auth

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/json"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/rejoin-dev/rejoin/internal/peerjs"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

const (
	// MaxNameBytes bounds sub and jti, bytes: both are kept for as long as a connection is open.
	MaxNameBytes = 255
	// maxNames bounds the lists of rooms and roles in a token.
	maxNames = 256
	// clockSkew is how far the clock of an issuer may be ahead of ours (nbf).
	clockSkew = 30 * time.Second
	// anyRoom as a token's room lets its owner into all of them.
	// Behind peerjs.NamePrefix, in place of an id, it stands for all ids.
	anyRoom = "*"
)

// claims are those that count here (RFC 7519 section 4.1, and two of our own).
type claims struct {
	jwt.Claims
	Room names `json:"room"`
	Role names `json:"role"`
}

// names is a string or a list of strings.
type names []string

var errNames = errors.New("want a string or a list of strings")

// UnmarshalJSON implements json.Unmarshaler.
func (n *names) UnmarshalJSON(b []byte) error {
	var one string
	var list []string
	switch {
	case json.Unmarshal(b, &one) == nil && string(b) != "null":
		*n = names{one}
	case json.Unmarshal(b, &list) == nil && list != nil && len(list) <= maxNames:
		*n = list
	default:
		return errNames
	}
	return nil
}

// fits looks at what the token says of itself. late is how long after exp it is still taken.
func (c *claims) fits(cfg *Config, now time.Time, late time.Duration) Refusal {
	switch {
	case c.Expiry == nil, !now.Before(c.Expiry.Time().Add(late)):
		return Expired
	case c.NotBefore != nil && now.Add(clockSkew).Before(c.NotBefore.Time()):
		return NotYetValid
	case cfg.Issuer != "" && c.Issuer != cfg.Issuer:
		return OtherIssuer
	case cfg.Audience != "" && !c.Audience.Contains(cfg.Audience):
		return OtherAudience
	case len(c.Subject) > MaxNameBytes, len(c.ID) > MaxNameBytes:
		return Malformed
	}
	return Admitted
}

// covers says whether the token is for that room and role. A token without a room is for none; one without a role is for any.
func (c *claims) covers(what wire.Connect) Refusal {
	in := func(name string) bool {
		if what.Peer != "" {
			id, ok := strings.CutPrefix(name, peerjs.NamePrefix)
			return name == anyRoom || ok && (id == anyRoom || id == what.Peer)
		}
		return name == anyRoom || wire.IsRoom(name, what.Room)
	}
	switch {
	case !slices.ContainsFunc(c.Room, in):
		return OtherRoom
	case c.Role != nil && !slices.Contains(c.Role, what.Source.String()):
		return OtherRole
	}
	return Admitted
}
