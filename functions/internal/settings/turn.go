package settings

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/rejoin-dev/rejoin/internal/turn"
)

// TURN groups the settings for ICE servers.
type TURN struct {
	TURNURLs       []string      `env:"TURN_URLS" help:"TURN servers that clients get, with credentials, comma separated, like turn:turn.example.com:3478?transport=udp; empty: none"`
	STUNURLs       []string      `env:"STUN_URLS" help:"STUN servers that clients get, comma separated, like stun:turn.example.com:3478; empty: none"`
	TURNSecret     string        `env:"TURN_SECRET" help:"coturn's static-auth-secret, at least 16 characters"`
	TURNSecretFile string        `env:"TURN_SECRET_FILE" help:"file to read the secret from instead"`
	TURNTTL        time.Duration `env:"TURN_TTL" envDefault:"1h" help:"how long TURN credentials stay valid"`
}

// MinTURNTTL is the shortest TURN_TTL: a negotiation has to fit into it.
const MinTURNTTL = 5 * time.Second

// Configured reports whether there is any ICE server to send.
func (t *TURN) Configured() bool { return len(t.TURNURLs)+len(t.STUNURLs) > 0 }

// Check returns a line for each bad setting. It reads the secret file.
func (t *TURN) Check() []string {
	var bad []string
	for _, u := range t.TURNURLs {
		if err := turn.CheckURL(u, "turn", "turns"); err != nil {
			bad = append(bad, fmt.Sprintf("TURN_URLS=%q: %v", u, err))
		}
	}
	for _, u := range t.STUNURLs {
		if err := turn.CheckURL(u, "stun", "stuns"); err != nil {
			bad = append(bad, fmt.Sprintf("STUN_URLS=%q: %v", u, err))
		}
	}
	if t.TURNTTL < MinTURNTTL {
		bad = append(bad, fmt.Sprintf("TURN_TTL=%s: want at least %s", t.TURNTTL, MinTURNTTL))
	}
	if secret, err := t.secret(); err != nil {
		bad = append(bad, "TURN_SECRET_FILE: "+err.Error())
	} else if len(t.TURNURLs) > 0 && len(secret) < turn.MinSecret {
		bad = append(bad, fmt.Sprintf("TURN_SECRET: want at least %d characters for TURN_URLS", turn.MinSecret))
	}
	return bad
}

// Issuer returns the issuer of credentials, or nil if no ICE server is configured.
func (t *TURN) Issuer() (*turn.Issuer, error) {
	if !t.Configured() {
		return nil, nil
	}
	secret, err := t.secret()
	if err != nil {
		return nil, err
	}
	issuer, err := turn.New(turn.Config{TURN: t.TURNURLs, STUN: t.STUNURLs, Secret: secret, TTL: t.TURNTTL})
	if err != nil {
		return nil, fmt.Errorf("configure ICE servers: %w", err)
	}
	return issuer, nil
}

// secret returns TURN_SECRET, or the contents of its file with white space trimmed.
func (t *TURN) secret() (string, error) {
	switch {
	case t.TURNSecretFile == "":
		return t.TURNSecret, nil
	case t.TURNSecret != "":
		return "", errors.New("want either this or TURN_SECRET, not both")
	}
	text, err := os.ReadFile(t.TURNSecretFile)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	return trim(string(text)), nil
}
