package e2e_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/tools/verify/faultproxy"
)

// fault cuts the wallet off from the instance it is connected to.
type fault struct {
	name string
	cut  func(*faultproxy.Proxy, *proctest.Process)
}

var faults = []fault{
	{"silent", func(p *faultproxy.Proxy, _ *proctest.Process) { p.Silence() }},
	{"reset", func(p *faultproxy.Proxy, _ *proctest.Process) { p.Refuse(true); p.Reset() }},
	{"killed", func(_ *faultproxy.Proxy, y *proctest.Process) { y.Kill() }},
}

// TestTwoSeconds is what Rejoin exists for: extension on X, wallet on Y; the wallet is cut off, five candidates are
// sent meanwhile, the wallet comes back to X and has five of five, once, in order, under its old client ID, and the
// extension was never told that it left. R2, R5.
func TestTwoSeconds(t *testing.T) {
	t.Parallel()
	for _, f := range faults {
		for _, plain := range []bool{true, false} {
			name := "rejoin.v1"
			if plain {
				name = "plain"
			}
			t.Run(f.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				twoSeconds(t, f, plain)
			})
		}
	}
}

func twoSeconds(t *testing.T, f fault, plain bool) {
	ctx := limit(t)
	redis := "REDIS_URL=" + redistest.Server(t)
	x, y := proctest.Start(t, redis), proctest.Start(t, redis)
	proxy, err := faultproxy.Listen(y.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	room := newRoom()
	extension := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension, Plain: plain})
	wallet := dial(ctx, t, client.Config{
		URLs: []string{"ws://" + proxy.Addr(), x.URL()}, Room: room, Source: client.Wallet, Plain: plain, Reconnect: true,
		Silence: 400 * time.Millisecond, // how soon the wallet itself notices
	})
	walletID, extensionID := extension.meet(), wallet.meet()
	extension.send(walletID, "offer", "sdp")
	if got := wait[client.Data](wallet).Payload; got != "sdp" {
		t.Fatalf("the wallet got %q, want the offer", got)
	}
	wallet.send(extensionID, "answer", "sdp")
	wait[client.Data](extension)

	t.Logf("extension on X, wallet %.8s on Y; offer and answer have passed", walletID)
	f.cut(proxy, y)
	t.Logf("the wallet is cut off from Y: %s", f.name)
	for i := range 5 {
		extension.send(walletID, "iceCandidate", strconv.Itoa(i))
		t.Logf("extension sends candidate %d: confirmed", i)
	}

	for i := range 5 {
		got := wait[client.Data](wallet, func(ev client.Event) { t.Logf("wallet: %s", describe(ev)) })
		t.Logf("wallet receives candidate %s", got.Payload)
		if got.Payload != strconv.Itoa(i) {
			t.Fatalf("candidate %d of 5: got %q", i, got.Payload)
		}
	}
	// A message each way proves that nothing else came, and under which ID the wallet is known.
	extension.send(walletID, "iceCandidate", "last")
	if got := wait[client.Data](wallet).Payload; got != "last" {
		t.Fatalf("after the five candidates came %q", got)
	}
	wallet.send(extensionID, "iceCandidate", "mine")
	got := wait[client.Data](extension, func(ev client.Event) {
		switch ev.(type) {
		case client.PeerDisconnected, client.PeerConnected, client.PeerAlreadyConnected:
			t.Errorf("the extension was told %T", ev)
		}
	})
	t.Logf("extension receives the wallet's answer to it all from %.8s, and was never told that it left", got.From)
	if got.From != walletID || got.Payload != "mine" {
		t.Fatalf("the extension got %q from %s, want it from %s", got.Payload, got.From, walletID)
	}
}

func describe(ev client.Event) string {
	switch ev := ev.(type) {
	case client.Disconnected:
		return "notices that the connection is gone"
	case client.Connected:
		return "connected to X"
	case client.Session:
		return fmt.Sprintf("session %.8s on X, resumed: %v, %d to replay", ev.ClientID, ev.Resumed, ev.Replay)
	case client.PeerAlreadyConnected:
		return fmt.Sprintf("told that extension %.8s is there", ev.ID)
	}
	return fmt.Sprintf("%T", ev)
}
