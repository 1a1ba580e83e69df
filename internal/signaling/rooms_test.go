package signaling_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

func (d dialer) as(source, target string) dialer {
	d.role, _ = wire.NewRole(source, target)
	d.subprotocols = wire.Subprotocol
	return d
}

// A room of 64 equals on two instances, who all come at once: each hears of each other once, in its session frame or behind it, and
// Redis rings once an instance for each that comes.
func TestACrowdOfEqualsComesAtOnce(t *testing.T) {
	everywhere(t, streams.Options{}, func(t *testing.T, x, y *place) {
		const crowd = 64
		var rung atomic.Int64
		instances := map[*place]bool{x: true, y: true}
		for p := range instances {
			p.losing(func(b *streams.Bell) bool {
				if b.Kind == streams.BellJoined {
					rung.Add(1)
				}
				return false
			})
		}
		d := dialer{room: newRoom()}.as("peer", "peer")
		clients, ids, at := make([]*client, crowd), map[string]*client{}, []*place{x, y}
		for i := range clients {
			clients[i] = d.dial(t, at[i%2].Hub)
		}
		first := make([]message, crowd)
		for i, c := range clients {
			first[i] = c.welcome()
			ids[first[i].ClientID] = c
		}
		listed, announced := 0, 0
		for i, c := range clients {
			seen := map[string]bool{}
			for _, p := range first[i].Peers {
				seen[p.RemoteClientID] = true
				listed++
			}
			for len(seen) < crowd-1 {
				m := c.next()
				if m.Info != "remoteClientJustConnected" || seen[m.RemoteClientID] || ids[m.RemoteClientID] == nil {
					t.Fatalf("after %d of %d: %+v", len(seen), crowd-1, m)
				}
				seen[m.RemoteClientID] = true
				announced++
			}
			if seen[first[i].ClientID] {
				t.Error("a client is its own peer")
			}
		}
		for i, c := range clients { // whatever was announced twice would stand before this
			c.send("1", "offer", first[(i+1)%crowd].ClientID)
		}
		for _, c := range clients {
			got := []string{c.next().short(), c.next().short()}
			if fmt.Sprint(got) != "[confirmation 1 data 1]" && fmt.Sprint(got) != "[data 1 confirmation 1]" {
				t.Fatalf("got %q", got)
			}
		}
		if listed != announced || listed+announced != crowd*(crowd-1) {
			t.Errorf("%d peers in session frames and %d announcements, want %d of each", listed, announced, crowd*(crowd-1)/2)
		}
		if n, most := rung.Load(), int64(crowd*len(instances)); n > most {
			t.Errorf("%d doorbells for newcomers, want %d at most", n, most)
		}
		t.Logf("%d in session frames, %d announced, %d doorbells", listed, announced, rung.Load())
	})
}

// Viewers see hosts only, hosts see viewers only, whatever else is in the room.
func TestHostAndViewers(t *testing.T) {
	everywhere(t, streams.Options{}, func(t *testing.T, x, y *place) {
		d := dialer{room: newRoom()}
		host, other := d.as("host", "viewer").dial(t, x.Hub), d.as("viewer", "peer").dial(t, x.Hub)
		h, o := host.welcome(), other.welcome()
		v1, v2 := d.as("viewer", "host").dial(t, y.Hub), d.as("viewer", "host").dial(t, x.Hub)
		s1, s2 := v1.welcome(), v2.welcome()
		for _, s := range []message{s1, s2} {
			if len(s.Peers) != 1 || s.Peers[0].RemoteClientID != h.ClientID {
				t.Errorf("a viewer sees %+v", s.Peers)
			}
		}
		heard := map[string]bool{host.next().short(): true, host.next().short(): true}
		if !heard[just(s1.ClientID)] || !heard[just(s2.ClientID)] {
			t.Errorf("the host heard %v", heard)
		}
		v1.send("1", "offer", s2.ClientID)
		v1.expect(missing("1"))
		v1.send("2", "offer", o.ClientID)
		v1.expect(missing("2"))
		other.send("3", "offer", h.ClientID)
		other.expect(missing("3"))
		v1.lose()
		host.expect(suspended(s1.ClientID))
		v2.send("4", "offer", h.ClientID)
		v2.expect(confirmed("4"))
		host.expect("data 4")
	})
}
