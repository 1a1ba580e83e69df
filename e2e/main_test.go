package e2e_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// cleaned removes the server binaries before goleak looks.
type cleaned struct{ *testing.M }

func (m cleaned) Run() int {
	code := m.M.Run()
	proctest.Cleanup()
	if previousDir != "" {
		_ = os.RemoveAll(previousDir)
	}
	return code
}

func TestMain(m *testing.M) { redistest.Main(cleaned{m}) }

// soak reports whether the long form of the tests was asked for (task soak).
func soak() bool { return os.Getenv("REJOIN_SOAK") != "" }

// many is n in the long form and a tenth of it otherwise.
func many(n int) int {
	if soak() {
		return n
	}
	return n / 10
}

// limit bounds a whole test, without the building of the server; it is no assertion about speed.
func limit(t *testing.T) context.Context {
	t.Helper()
	proctest.Build(t)
	d := 2 * time.Minute
	if soak() {
		d = 20 * time.Minute
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func newRoom() string {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// peer is a client whose events a test walks through.
type peer struct {
	*client.Client
	t   *testing.T
	ctx context.Context
}

func dial(ctx context.Context, t *testing.T, cfg client.Config) peer {
	t.Helper()
	if cfg.Backoff == (client.Backoff{}) {
		cfg.Backoff = client.Backoff{Min: 20 * time.Millisecond, Max: 500 * time.Millisecond}
	}
	c, err := client.Dial(ctx, cfg)
	if err != nil {
		t.Fatalf("dial as %s: %v", cfg.Source, err)
	}
	t.Cleanup(c.Abort)
	return peer{c, t, ctx}
}

func (p peer) next() client.Event {
	p.t.Helper()
	ev, err := p.Next(p.ctx)
	if err != nil {
		p.t.Fatalf("next event: %v", err)
	}
	return ev
}

// wait returns the next event of type E; the others before it are passed to seen, if given.
func wait[E client.Event](p peer, seen ...func(client.Event)) E {
	p.t.Helper()
	for {
		ev := p.next()
		if e, ok := ev.(E); ok {
			return e
		}
		for _, f := range seen {
			f(ev)
		}
	}
}

// meet returns the client ID of the other side, however it is announced.
func (p peer) meet() string {
	p.t.Helper()
	for {
		switch ev := p.next().(type) {
		case client.PeerConnected:
			return ev.ID
		case client.PeerAlreadyConnected:
			return ev.ID
		case client.Session:
			if len(ev.Peers) > 0 {
				return ev.Peers[0].ID
			}
		}
	}
}

// settle returns when the server has registered the client. A plain one is not told: its 101 comes before that, and peers that are there by
// then are announced as already connected. An answer to a message proves it.
func (p peer) settle() {
	p.t.Helper()
	const nobody = "00000000-0000-4000-8000-000000000000"
	err := p.Send(p.ctx, client.Message{Target: nobody, Method: "offer"})
	if !errors.Is(err, client.ErrMissingRemoteClient) {
		p.t.Fatalf("message to nobody: %v", err)
	}
}

func (p peer) send(to, method, payload string) {
	p.t.Helper()
	if err := p.Send(p.ctx, client.Message{Target: to, Method: method, EncryptedPayload: payload}); err != nil {
		p.t.Fatalf("send %s: %v", method, err)
	}
}
