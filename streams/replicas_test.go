package streams_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/streams"
)

func waitForOne(o *streams.Options) { o.WaitReplicas = 1 }

// What was confirmed is on the replica when its primary dies at once.
func TestConfirmedSurvivesItsPrimary(t *testing.T) {
	t.Parallel()
	pair := redistest.NewReplicated(t)
	p := &place{url: pair.URL()}
	x := p.open(t, waitForOne)
	room := newRoom()
	e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprint(i))
		if got := must(t, x.send(e.message(w.id, 'c', want[i]))); got != streams.Stored {
			t.Fatalf("send %d: %d", i, got)
		}
	}
	pair.Failover()
	after := &place{url: "redis://" + pair.Primary().Addr()}
	sameNames(t, after.mailbox(t, room, w.id), want...)
}

// Without replicas nothing is confirmed, and nothing is stored twice when they come back.
func TestNothingIsConfirmedWithoutReplicas(t *testing.T) {
	t.Parallel()
	pair := redistest.NewReplicated(t)
	p := &place{url: pair.URL()}
	x := p.open(t, waitForOne, func(o *streams.Options) { o.CallTimeout = time.Second })
	room := newRoom()
	e, w := x.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
	pair.Replica().Pause()
	m := e.message(w.id, 'c', "0")
	a := <-x.send(m)
	if !errors.Is(a.err, streams.ErrUnavailable) || !strings.Contains(a.err.Error(), "want 1") {
		t.Errorf("send: %d, %v; want it unavailable", a.value, a.err)
	}
	pair.Replica().Resume()
	until(t, "it is confirmed", func() bool {
		a := <-x.send(m)
		return a.err == nil && a.value == streams.StoredBefore
	})
	sameNames(t, p.mailbox(t, room, w.id), "0")
}

// On a cluster each primary's own replicas count: here only the first one has any.
func TestReplicasOfAClusterCountByPrimary(t *testing.T) {
	t.Parallel()
	p := &place{url: redistest.NewCluster(t).URL(), cluster: true}
	free := p.open(t)
	x := p.open(t, waitForOne, func(o *streams.Options) { o.CallTimeout = time.Second })
	seen := map[bool]bool{}
	for i := 0; len(seen) < 2; i++ {
		room := newRoom()
		info, err := p.node(t, room).Info(context.Background(), "replication").Result()
		if err != nil || i == 1000 {
			t.Fatalf("rooms with replicas: %v, %v", seen, err)
		}
		has := strings.Contains(info, "connected_slaves:1")
		if seen[has] {
			continue
		}
		seen[has] = true
		e, w := free.join(t, room, extension, rejoin), free.join(t, room, wallet, rejoin)
		m := e.message(w.id, 'c', "0")
		if has {
			until(t, "it is confirmed", func() bool { a := <-x.send(m); return a.err == nil })
		} else if a := <-x.send(m); !errors.Is(a.err, streams.ErrUnavailable) {
			t.Errorf("without a replica: %d, %v; want it unavailable", a.value, a.err)
		}
	}
}

func TestEmbeddedRedisHasNoReplicas(t *testing.T) {
	t.Parallel()
	if _, err := streams.Open(streams.Options{WaitReplicas: 1}); err == nil {
		t.Error("the embedded Redis promises replicas")
	}
}
