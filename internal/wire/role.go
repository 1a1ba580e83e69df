package wire

// Role is the side of a room a client is on. Data flows between opposite roles only.
type Role byte

// The two roles. Their values are what is stored.
const (
	Wallet    Role = 'w'
	Extension Role = 'e'
)

// ParseRole reads "wallet" or "extension", in exactly this spelling.
func ParseRole(text string) (Role, bool) {
	switch text {
	case "wallet":
		return Wallet, true
	case "extension":
		return Extension, true
	}
	return 0, false
}

// Opposite returns the role that r talks to.
func (r Role) Opposite() Role {
	if r == Wallet {
		return Extension
	}
	return Wallet
}

// String returns the name that is used on the wire.
func (r Role) String() string {
	switch r {
	case Wallet:
		return "wallet"
	case Extension:
		return "extension"
	}
	return "unknown"
}
