package turn_test

import (
	"net"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"github.com/rejoin-dev/rejoin/internal/turn"
	"github.com/rejoin-dev/rejoin/internal/turntest"
)

func TestCoturnTakesTheCredentials(t *testing.T) {
	t.Parallel()
	s := turntest.Start(t)
	for _, network := range []string{"udp", "tcp"} {
		c := credentials(t, s, s.Secret, "client", time.Now())
		if _, err := allocate(t, s, network, c.Username, c.Credential); err != nil {
			t.Errorf("over %s: %v", network, err)
		}
	}
}

// TestCoturnRefuses: whatever was not issued for now gets 401. R24.
func TestCoturnRefuses(t *testing.T) {
	t.Parallel()
	s := turntest.Start(t)
	now := time.Now()
	good := credentials(t, s, s.Secret, "client", now)
	expired := credentials(t, s, s.Secret, "client", now.Add(-time.Hour-time.Second))
	later := credentials(t, s, s.Secret, "client", now.Add(time.Hour))
	forged := credentials(t, s, "not the secret of that server", "client", now)
	for name, c := range map[string]struct{ user, password string }{
		"expired":                          {expired.Username, expired.Credential},
		"of another secret":                {forged.Username, forged.Credential},
		"prolonged by its holder":          {later.Username, good.Credential},
		"of another client":                {good.Username + "2", good.Credential},
		"without an end":                   {"client", turn.Credential(s.Secret, "client")},
		"a user of other days":             {"user", "password"},
		"a name with an empty password":    {good.Username, ""},
		"the secret itself, as a password": {good.Username, s.Secret},
	} {
		if _, err := allocate(t, s, "udp", c.user, c.password); code(err) != stun.CodeUnauthorized {
			t.Errorf("%s: %v, want 401", name, err)
		}
	}
}

// TestTheSecretChangesWithoutAGap: while coturn knows both secrets, both kinds of credentials are good.
func TestTheSecretChangesWithoutAGap(t *testing.T) {
	t.Parallel()
	const next = "the secret that comes next"
	s := turntest.Start(t, "--static-auth-secret="+next)
	for _, secret := range []string{s.Secret, next} {
		c := credentials(t, s, secret, "client", time.Now())
		if _, err := allocate(t, s, "udp", c.Username, c.Credential); err != nil {
			t.Errorf("a credential of one of two secrets: %v", err)
		}
	}
}

// TestAnAllocationOutlivesItsCredential: existing allocations stay; only a new one needs a fresh credential. The nonce is
// made to end soon as well, so that coturn asks the old credential again.
func TestAnAllocationOutlivesItsCredential(t *testing.T) {
	t.Parallel()
	s := turntest.Start(t, "--stale-nonce=1")
	c := credentials(t, s, s.Secret, "client", time.Now().Add(-time.Hour+2*time.Second))
	up, err := allocate(t, s, "udp", c.Username, c.Credential)
	if err != nil {
		t.Fatalf("allocate: %v", err)
	}
	for limit := time.Now().Add(patience); ; {
		other, err := allocate(t, s, "udp", c.Username, c.Credential)
		if code(err) == stun.CodeUnauthorized {
			break
		}
		if err != nil || time.Now().After(limit) {
			t.Fatalf("still taken, or %v", err)
		}
		_ = other.PacketConn.Close()
		<-time.After(100 * time.Millisecond)
	}
	for range 3 { // the first answer is the new nonce
		if err = up.CreatePermission(&net.UDPAddr{IP: net.IPv4(9, 9, 9, 9), Port: 9}); err == nil {
			return
		}
	}
	t.Errorf("the allocation that is up: %v", err)
}
