package streams_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/streams"
)

func (p *place) inspector(tb failer) *streams.Inspector {
	tb.Helper()
	i, err := streams.NewInspector(p.url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = i.Close() })
	return i
}

func TestInspectsRoom(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, y, room := p.open(t), p.open(t), newRoom()
		e, w := x.join(t, room, extension, plain), y.join(t, room, wallet, rejoin)
		e.send(t, w, 'o', "an offer")
		e.send(t, w, 'c', "0", "1")
		must(t, y.ack(w.ref(), w.seq(0)))
		w.drop(t)
		got, err := p.inspector(t).Room(t.Context(), room)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Members) != 2 || got.Lives <= 0 || got.Version == 0 {
			t.Fatalf("room: %+v", got)
		}
		if got.Members[0].Client != e.id { // oldest first, but they may have come in the same millisecond
			slices.Reverse(got.Members)
		}
		first, second := got.Members[0], got.Members[1]
		if first.Attached.After(second.Attached) {
			t.Errorf("not oldest first: %v, %v", first.Attached, second.Attached)
		}
		want := streams.MemberState{
			Client: e.id, Role: extension, Dialect: plain, Instance: x.name, Leased: true, Epoch: e.got.Epoch, Attached: first.Attached,
		}
		if first != want {
			t.Errorf("extension\n%+v, want\n%+v", first, want)
		}
		want = streams.MemberState{
			Client: w.id, Role: wallet, Dialect: rejoin, Keep: true, Suspended: true, Left: second.Left, Instance: y.name, Leased: true,
			Epoch: w.got.Epoch, Attached: second.Attached, Waiting: 2, WaitingBytes: second.WaitingBytes,
			Acknowledged: w.seq(0), Last: w.seq(2),
		}
		if second != want || second.Left <= 0 || second.Left > time.Minute || second.WaitingBytes < 80 {
			t.Errorf("wallet\n%+v, want\n%+v", second, want)
		}
	})
}

func TestInspectsNoRoom(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		p.open(t)
		if _, err := p.inspector(t).Room(t.Context(), newRoom()); !errors.Is(err, streams.ErrNoRoom) {
			t.Errorf("got %v", err)
		}
	})
}

// The scan finds every room on every primary once, and stops where it is told to.
func TestInspectScansAllRooms(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		const rooms = 40
		x := p.open(t)
		for range rooms {
			x.join(t, newRoom(), wallet, plain)
		}
		in, found := p.inspector(t), map[string]int{}
		complete, err := in.Scan(t.Context(), 1<<20, func(room string, s streams.RoomState) {
			if s.Members[0].Instance == x.name { // others share this Redis
				found[room] += len(s.Members)
			}
		})
		if err != nil || !complete || len(found) != rooms {
			t.Errorf("%d rooms, complete %v, %v", len(found), complete, err)
		}
		for room, n := range found {
			if n != 1 {
				t.Errorf("room %.8s: found %d clients", room, n)
			}
		}
		n := 0
		complete, err = in.Scan(t.Context(), rooms/2, func(string, streams.RoomState) { n++ })
		if err != nil || complete || n != rooms/2 {
			t.Errorf("%d rooms of %d, complete %v, %v", n, rooms/2, complete, err)
		}
	})
}

func TestInspectsLeases(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		p.open(t) // the embedded Redis ends with the instance that started it
		x, room := p.open(t, func(o *streams.Options) { o.Lease = time.Second }), newRoom()
		x.join(t, room, wallet, plain)
		leased := func(ctx context.Context) bool {
			leases, err := p.inspector(t).Leases(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return slices.ContainsFunc(leases, func(l streams.LeaseState) bool { return l.Instance == x.name && l.Left > 0 && l.Left <= time.Second })
		}
		if !leased(t.Context()) {
			t.Error("no lease of an instance that lives")
		}
		x.close(t)
		if leased(t.Context()) {
			t.Error("a lease of an instance that gave it up")
		}
		if got, err := p.inspector(t).Room(t.Context(), room); err != nil || got.Members[0].Leased {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// TestInspectOnlyReads: the Redis user of docs/observing.md, which may read and nothing else, is enough.
func TestInspectOnlyReads(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/observing.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^ACL SETUSER eyes .*$`).FindAllString(string(text), -1)
	if len(lines) != 2 {
		t.Fatalf("%d commands in docs/observing.md, want one for any Redis and one for a cluster", len(lines))
	}
	t.Run("server", func(t *testing.T) { t.Parallel(); inspectAs(t, &place{url: redistest.NewServer(t).URL()}, lines[:1]) })
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		inspectAs(t, &place{url: redistest.Cluster(t), cluster: true}, lines)
	})
}

func inspectAs(t *testing.T, p *place, commands []string) {
	x, room := p.open(t), newRoom()
	w := x.join(t, room, wallet, rejoin)
	x.join(t, room, extension, plain).send(t, w, 'c', "0")
	set := func(ctx context.Context, node *redis.Client) error {
		for _, c := range commands {
			var words []any
			for _, w := range strings.Fields(c) {
				words = append(words, w)
			}
			if err := node.Do(ctx, words...).Err(); err != nil {
				return err
			}
		}
		return nil
	}
	err := errors.New("no client")
	switch c := p.client(t).(type) {
	case *redis.ClusterClient:
		err = c.ForEachMaster(t.Context(), set)
	case *redis.Client:
		err = set(t.Context(), c)
	}
	if err != nil {
		t.Fatal(err)
	}
	in := (&place{url: strings.Replace(p.url, "redis://", "redis://eyes:change-me@", 1)}).inspector(t)
	if got, err := in.Room(t.Context(), room); err != nil || len(got.Members) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	if complete, err := in.Scan(t.Context(), 1<<20, func(string, streams.RoomState) {}); err != nil || !complete {
		t.Errorf("scan: complete %v, %v", complete, err)
	}
}
