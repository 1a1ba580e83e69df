package turn

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

// MinSecret is the minimum length of a secret. Anyone with a credential can guess secrets against it offline.
const MinSecret = 16

// Config configures an Issuer.
type Config struct {
	// TURN and STUN list URLs in the order in which clients get them, see [CheckURL]. Each may be empty.
	TURN, STUN []string
	// Secret is coturn's static-auth-secret, needed for TURN only.
	Secret string
	// TTL is how long credentials stay valid, at least a second.
	TTL time.Duration
}

// Issuer makes lists of ICE servers. It is safe for concurrent use.
type Issuer struct{ cfg Config }

// New returns an Issuer, or everything that is wrong with cfg. No error contains the secret.
func New(cfg Config) (*Issuer, error) {
	var errs []error
	for _, u := range cfg.TURN {
		errs = append(errs, CheckURL(u, "turn", "turns"))
	}
	for _, u := range cfg.STUN {
		errs = append(errs, CheckURL(u, "stun", "stuns"))
	}
	if len(cfg.TURN) > 0 && len(cfg.Secret) < MinSecret {
		errs = append(errs, fmt.Errorf("secret of %d characters: want at least %d", len(cfg.Secret), MinSecret))
	}
	if cfg.TTL < time.Second {
		errs = append(errs, fmt.Errorf("TTL %s: want at least 1s", cfg.TTL))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &Issuer{cfg}, nil
}

// TTL is how long credentials stay valid.
func (i *Issuer) TTL() time.Duration { return i.cfg.TTL }

// Servers returns the ICE servers for the client with that id, with credentials that are valid for a TTL from now. The TURN server
// sees and logs the id, so it must not be a secret.
func (i *Issuer) Servers(id string, now time.Time) []wire.ICEServer {
	var servers []wire.ICEServer
	if len(i.cfg.STUN) > 0 {
		servers = append(servers, wire.ICEServer{URLs: i.cfg.STUN})
	}
	if len(i.cfg.TURN) > 0 {
		name := strconv.FormatInt(now.Add(i.cfg.TTL).Unix(), 10) + ":" + id
		servers = append(servers, wire.ICEServer{URLs: i.cfg.TURN, Username: name, Credential: Credential(i.cfg.Secret, name)})
	}
	return servers
}

// Credential returns the password for a username.
func Credential(secret, username string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(username))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
