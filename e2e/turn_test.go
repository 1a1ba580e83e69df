package e2e_test

import (
	"context"
	"net"
	"testing"

	"github.com/pion/turn/v5"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/turntest"
	"github.com/rejoin-dev/rejoin/tools/verify/faultproxy"
)

// TestClientsAlwaysHaveGoodTURNCredentials: they come with the session, again before they run out, and again after a resume,
// and a real coturn takes each of them. R24.
func TestClientsAlwaysHaveGoodTURNCredentials(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	coturn := turntest.Start(t)
	server := proctest.Start(t, "TURN_URLS="+coturn.URLs()[0], "STUN_URLS=stun:"+coturn.Addr, "TURN_SECRET="+coturn.Secret,
		"TURN_TTL=6s", "SYNC_INTERVAL=1s")
	proxy, err := faultproxy.Listen(server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	wallet := dial(ctx, t, client.Config{URL: "ws://" + proxy.Addr(), Room: newRoom(), Source: client.Wallet})

	good := func(when string) (username string) {
		t.Helper()
		ev := wait[client.ICEServers](wallet)
		if len(ev.Servers) != 2 || ev.TTL.Seconds() != 6 {
			t.Fatalf("%s: %+v", when, ev)
		}
		if err := allocate(ctx, t, coturn, ev.Servers[1]); err != nil {
			t.Errorf("%s: %v", when, err)
		}
		return ev.Servers[1].Username
	}
	if first := good("with the session"); good("in time") == first {
		t.Error("the same twice")
	}
	proxy.Reset()
	if !wait[client.Session](wallet).Resumed { // the first one was passed over by good
		t.Error("not resumed")
	}
	good("after a resume")
}

// allocate asks coturn for a relayed address and gives it back.
func allocate(ctx context.Context, t *testing.T, s *turntest.Server, ice client.ICEServer) error {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: s.Addr, Username: ice.Username, Password: ice.Credential, Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Listen(); err != nil {
		t.Fatal(err)
	}
	relay, err := c.AllocateWithContext(ctx)
	if err != nil {
		return err
	}
	return relay.Close()
}
