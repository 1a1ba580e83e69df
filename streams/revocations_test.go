package streams_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/streams"
)

// revoked collects what an instance was told of revocations.
type revoked struct {
	mu   sync.Mutex
	all  map[string]time.Time
	rung map[string]bool // by doorbell
}

func (r *revoked) follow(o *streams.Options) {
	r.all, r.rung = map[string]time.Time{}, map[string]bool{}
	o.Revoked = func(list []streams.Revocation, whole bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, one := range list {
			r.all[one.Name] = one.Until
			r.rung[one.Name] = r.rung[one.Name] || !whole
		}
	}
}

func (r *revoked) until(name string) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all[name]
}

func revoke(tb failer, in *instance, name string, until time.Time) {
	tb.Helper()
	done := make(chan error, 1)
	in.Revoke(streams.Revocation{Name: name, Until: until}, func(err error) { done <- err })
	if err := <-done; err != nil {
		tb.Fatal(err)
	}
}

func TestRevocationsReachAllInstances(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		var x, y, z revoked
		first := p.open(t, x.follow)
		p.open(t, y.follow)
		p.open(t) // one that does not follow them is not disturbed
		name, until1 := "s:"+randomHex(4)+" of two words", time.Now().Add(time.Hour).Truncate(time.Millisecond)
		revoke(t, first, name, until1)
		for _, r := range []*revoked{&x, &y} {
			until(t, "it is rung for", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.rung[name] })
			if got := r.until(name); !got.Equal(until1) {
				t.Errorf("until %v, want %v", got, until1)
			}
		}
		// Shorter it does not get, and one that is over is none.
		revoke(t, first, name, until1.Add(-time.Minute))
		past := "s:" + randomHex(4)
		revoke(t, first, past, time.Now().Add(-time.Minute))
		p.open(t, z.follow) // which is ready when it has read them
		if got := z.until(name); !got.Equal(until1) {
			t.Errorf("a newcomer reads %v, want %v", got, until1)
		}
		if got := z.until(past); !got.IsZero() {
			t.Errorf("a newcomer reads one that is over: %v", got)
		}
		if p.embedded {
			return
		}
		if ttl := p.client(t).PTTL(context.Background(), "rejoin:revoked").Val(); ttl <= 0 {
			t.Errorf("they live for %v", ttl)
		}
	})
}

// TestRevocationsAreReadAgain when the subscription broke, whatever was rung meanwhile.
func TestRevocationsAreReadAgain(t *testing.T) {
	t.Parallel()
	p := &place{url: redistest.NewServer(t).URL()}
	var r revoked
	x := p.open(t, r.follow)
	before := x.reconciles()
	ctx, name := context.Background(), "j:"+randomHex(4)
	if err := p.client(t).Do(ctx, "ZADD", "rejoin:revoked", time.Now().Add(time.Hour).UnixMilli(), name).Err(); err != nil {
		t.Fatal(err)
	}
	if err := p.client(t).Do(ctx, "CLIENT", "KILL", "TYPE", "pubsub").Err(); err != nil {
		t.Fatal(err)
	}
	x.wait(t, "reconcile", func() bool { return x.reconciled > before })
	until(t, "it is read", func() bool { return !r.until(name).IsZero() })
}

func TestRevocationsAreBounded(t *testing.T) {
	t.Parallel()
	p := &place{url: redistest.NewServer(t).URL()}
	x := p.open(t)
	fill := `for i = 1, tonumber(ARGV[1]) do redis.call('ZADD', KEYS[1], ARGV[2], 'x' .. i) end`
	end := time.Now().Add(time.Hour)
	if err := p.client(t).Eval(context.Background(), fill, []string{"rejoin:revoked"}, streams.MostRevocations, end.UnixMilli()).Err(); err != nil && err.Error() != "redis: nil" {
		t.Fatal(err)
	}
	for name, want := range map[string]error{"one more": streams.ErrTooManyRevocations, "x1": nil} {
		done := make(chan error, 1)
		x.Revoke(streams.Revocation{Name: name, Until: end}, func(err error) { done <- err })
		if err := <-done; fmt.Sprint(err) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}
