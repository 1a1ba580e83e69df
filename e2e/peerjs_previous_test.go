package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/coder/websocket"

	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// TestPeerJSBesideTheVersionBefore: PeerJS clients at instances of this version and of the one before reach each other, come back to the other version, and
// claim ids that the other one holds. In both directions, on a single server and on a cluster.
func TestPeerJSBesideTheVersionBefore(t *testing.T) {
	t.Parallel()
	before, err := buildPrevious()
	if err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]string{"server": redistest.Server(t), "cluster": redistest.Cluster(t)} {
		for _, oldFirst := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, old first=%t", name, oldFirst), func(t *testing.T) {
				t.Parallel()
				ctx := limit(t)
				settings := []string{"REDIS_URL=" + url, "PEERJS_PATH=/"}
				old := proctest.StartBinary(t, before, settings...)
				if res, _ := get(ctx, t, http.MethodGet, "http://"+old.Addr()+"/peerjs/id"); res.StatusCode != http.StatusOK {
					t.Skip("the version before does not know PeerJS")
				}
				x, y := proctest.Start(t, settings...), old
				if oldFirst {
					x, y = y, x
				}
				testPeerJSSideBySide(ctx, t, x, y)
			})
		}
	}
}

func testPeerJSSideBySide(ctx context.Context, t *testing.T, x, y *proctest.Process) {
	t.Helper()
	a, b := becomes(ctx, t, x.Addr(), unique("a"), "ta"), becomes(ctx, t, y.Addr(), unique("b"), "tb")
	a.tells("OFFER", b, 1)
	b.hears(heard("OFFER", a, b, 1))
	b.tells("ANSWER", a, 1)
	a.hears(heard("ANSWER", b, a, 1))
	// The one that lost its socket comes back to the other version; so does one whose socket is not known to be dead.
	_ = b.CloseNow()
	_ = b.lost()
	a.tells("OFFER", b, 2)
	b = becomes(ctx, t, x.Addr(), b.id, "tb")
	b.hears(heard("OFFER", a, b, 2))
	b = becomes(ctx, t, y.Addr(), b.id, "tb")
	a.tells("OFFER", b, 3)
	b.hears(heard("OFFER", a, b, 3))
	// It answers the probe of the other version for another token, and its close frame frees the id there.
	other := dialPeerJS(ctx, t, x.Addr(), "/peerjs?key=peerjs&token=other&id="+b.id)
	other.hears(`{"type":"ID-TAKEN","payload":{"msg":"ID is taken"}}`)
	_ = other.lost()
	_ = b.Close(websocket.StatusNormalClosure, "")
	again(ctx, t, x.Addr(), b.id, "other")
	// What waits for an id is its first client's, at either version.
	for n, at := range []*proctest.Process{x, y} {
		late := &peerJS{id: unique("late")}
		a.tells("OFFER", late, n)
		late = becomes(ctx, t, at.Addr(), late.id, "tl")
		late.hears(heard("OFFER", a, late, n))
	}
	a.quiet()
}
