package wire

import (
	"strings"
	"unique"
)

// Role is the side of a room a client is on: what it is, its source, and what it talks to, its target. Two clients of a room are
// peers when each's source is the other's target. Roles are compared with ==; no client has the zero Role.
type Role struct{ names unique.Handle[roleNames] }

// roleNames follow from source and target.
type roleNames struct {
	source, target string
	// text is what is stored, see Role.Text, opposite that of the role that a peer has.
	text, opposite string
}

// The roles of the plain dialect.
var (
	Wallet    = newRole("wallet", "extension")
	Extension = newRole("extension", "wallet")
	// Equal is the role of clients that name none: all of them are peers.
	Equal = newRole("peer", "peer")
)

// maxRoleName is the greatest length of a role's name.
const maxRoleName = 16

// NewRole returns the role of a client that calls itself source and talks to target. It reports false when one of them is no
// name of a role: a letter and up to 15 letters, digits and hyphens, all in lower case.
func NewRole(source, target string) (Role, bool) {
	if !IsRoleName(source) || !IsRoleName(target) {
		return Role{}, false
	}
	return newRole(source, target), true
}

func newRole(source, target string) Role {
	return Role{unique.Make(roleNames{source, target, roleText(source, target), roleText(target, source)})}
}

// roleText is one letter for the roles of the plain dialect, which versions that know no others have stored, and
// "source>target" for all others.
func roleText(source, target string) string {
	switch {
	case source == "wallet" && target == "extension":
		return "w"
	case source == "extension" && target == "wallet":
		return "e"
	}
	return source + ">" + target
}

// IsRoleName reports whether text may be a source or a target in RejoinV1.
func IsRoleName[T string | []byte](text T) bool {
	if len(text) == 0 || len(text) > maxRoleName || text[0] < 'a' || text[0] > 'z' {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// ParseRole reads the source of a role of the plain dialect: "wallet" or "extension", in exactly this spelling.
func ParseRole(source string) (Role, bool) {
	switch source {
	case "wallet":
		return Wallet, true
	case "extension":
		return Extension, true
	}
	return Role{}, false
}

// ParseRoleText reads what Text returns.
func ParseRoleText(text string) (Role, bool) {
	switch text {
	case "w":
		return Wallet, true
	case "e":
		return Extension, true
	}
	source, target, _ := strings.Cut(text, ">")
	role, ok := NewRole(source, target)
	return role, ok && role.Text() == text
}

// IsPlain reports whether the plain dialect knows the role.
func (r Role) IsPlain() bool { return r == Wallet || r == Extension }

// Opposite returns the role that r's peers have.
func (r Role) Opposite() Role { return newRole(r.Target(), r.Source()) }

// Source returns the name of what the client is.
func (r Role) Source() string { return r.get().source }

// Target returns the name of what the client talks to.
func (r Role) Target() string { return r.get().target }

// Text returns what is stored: "w", "e", or "source>target".
func (r Role) Text() string { return r.get().text }

// OppositeText returns the Text of the role that r's peers have.
func (r Role) OppositeText() string { return r.get().opposite }

// String returns the name of what the client is.
func (r Role) String() string { return r.Source() }

func (r Role) get() roleNames {
	if r == (Role{}) {
		return roleNames{}
	}
	return r.names.Value()
}
