package turn_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	pion "github.com/pion/turn/v5"

	"github.com/rejoin-dev/rejoin/internal/turn"
	"github.com/rejoin-dev/rejoin/internal/turntest"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// patience is how long a test waits for something that must happen.
const patience = 20 * time.Second

// credentials are what Rejoin issues for a client of that server.
func credentials(t *testing.T, s *turntest.Server, secret, id string, issued time.Time) wire.ICEServer {
	t.Helper()
	i, err := turn.New(turn.Config{TURN: s.URLs(), Secret: secret, TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return i.Servers(id, issued)[0]
}

// relayed is one allocation on a TURN server.
type relayed struct {
	*pion.Client
	net.PacketConn
}

// allocate asks the server for a relayed address, over UDP or TCP.
func allocate(t *testing.T, s *turntest.Server, network, user, password string) (relayed, error) {
	t.Helper()
	var conn net.PacketConn
	if network == "tcp" {
		c, err := net.Dial("tcp", s.Addr)
		if err != nil {
			t.Fatal(err)
		}
		conn = pion.NewSTUNConn(c)
	} else {
		host, _, _ := net.SplitHostPort(s.Addr)
		c, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		conn = c
	}
	t.Cleanup(func() { _ = conn.Close() })
	client, err := pion.NewClient(&pion.ClientConfig{TURNServerAddr: s.Addr, STUNServerAddr: s.Addr, Username: user, Password: password, Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	relay, err := client.AllocateWithContext(ctx)
	if err == nil {
		t.Cleanup(func() { _ = relay.Close() })
	}
	return relayed{client, relay}, err
}

// mustAllocate allocates as Rejoin's client of that id.
func mustAllocate(t *testing.T, s *turntest.Server, id string) relayed {
	t.Helper()
	c := credentials(t, s, s.Secret, id, time.Now())
	r, err := allocate(t, s, "udp", c.Username, c.Credential)
	if err != nil {
		t.Fatalf("allocate: %v", err)
	}
	return r
}

// code is the error code of a TURN answer (RFC 8656 section 19), 0 when there is none.
func code(err error) stun.ErrorCode {
	var turnError *stun.TurnError
	if errors.As(err, &turnError) {
		return turnError.ErrorCodeAttr.Code
	}
	return 0
}
