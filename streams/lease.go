package streams

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rejoin-dev/rejoin/streams/internal/pipeline"
)

// leases is this instance's view of which instances are alive. On a single server, all leases are in one key. On a cluster there are
// several keys, spread over the slots. Each instance renews its lease at all of them, and is judged by the keys that answer.
//
//	no lease ──► held ──(not renewed in time: stopped, or cut off)──► lost
//	               ▲                                                    │ others have detached our clients
//	               └──────────────── Reconcile ◄────────────────────────┘
type leases struct {
	mu      sync.Mutex
	renewed time.Time                  // when the lease was last renewed, anywhere
	lists   map[string]map[string]bool // by key: the instances with a lease when it last answered
	seen    map[string]map[string]bool // instance → keys that ever listed it
	rival   string                     // an older live incarnation with our name, to which this one gives way
	told    string                     // the rival already logged
}

// ready reports why an instance should get no clients.
func (l *leases) ready(lease time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.renewed.IsZero():
		return errors.New("redis: lease not taken yet")
	case time.Since(l.renewed) > lease:
		return errors.New("redis: lease not renewed in time")
	case l.rival != "":
		return errRival(l.rival)
	}
	return nil
}

func errRival(rival string) error {
	return fmt.Errorf("another live process has INSTANCE_ID %q (%s): this one gets no clients until that one is gone; give each its own, or none",
		InstanceName(rival), rival)
}

// keepLease renews the lease three times in its lifetime and watches the other instances' leases.
func (b *Backbone) keepLease(ctx context.Context) {
	tick := time.NewTicker(b.opt.Lease * 3 / 10)
	defer tick.Stop()
	for {
		b.renewLease(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// leaseAnswer is the answer of one key.
type leaseAnswer struct {
	key  string
	list []any
	err  error
}

// renewLease renews at all keys, and reports the live instances to the handler. It blocks for at most one interval.
func (b *Backbone) renewLease(ctx context.Context) {
	first := b.leases.renewedAt().IsZero()
	wait := b.opt.Lease * 3 / 10
	keys := b.leaseKeys()
	answers := b.askLeases(keys, b.opt.Lease, wait*9/10) // ends before the interval, so that the cause is known
	answered, lost, failed := b.leases.gather(ctx, answers, len(keys), wait)
	if ctx.Err() != nil {
		return
	}
	if len(answered) == 0 {
		b.health.failed(partLease, failed)
		return
	}
	b.health.works(partLease)
	if lost && !first {
		b.handler.Reconcile()
	}
	live := b.leases.live(answered)
	b.giveWay(ctx, live)
	b.handler.Instances(live)
}

// gather collects the answers of n keys for a limited time: if it waited for one that hangs, the lease would run out at the others too. It
// returns the keys that answered, whether our own lease was lost at one of them, and the last error.
func (l *leases) gather(ctx context.Context, answers <-chan leaseAnswer, n int, wait time.Duration) (answered map[string]bool, lost bool, failed error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	answered = map[string]bool{}
	for range n {
		select {
		case a := <-answers:
			if a.err != nil {
				failed = a.err
			} else {
				answered[a.key] = true
				lost = l.record(a) || lost
			}
		case <-timer.C:
			return answered, lost, ErrUnavailable
		case <-ctx.Done():
			return answered, lost, ctx.Err()
		}
	}
	return answered, lost, failed
}

// askLeases renews the lease at each key, or with 0 gives it up.
func (b *Backbone) askLeases(keys []string, ttl, wait time.Duration) <-chan leaseAnswer {
	answers := make(chan leaseAnswer, len(keys))
	for _, key := range keys {
		c := b.newCall(leaseScript, key, func(cmd *redis.Cmd, err error) {
			a := leaseAnswer{key: key, err: err}
			if err == nil {
				if a.list = asList(cmd.Val()); len(a.list) == 0 {
					a.err = errReply
				}
			}
			answers <- a
		}, []any{b.opt.Instance, ttl.Milliseconds()})
		c.Urgent, c.Unmarked, c.Deadline = true, true, time.Now().Add(wait)
		b.pipelines.Put(c)
	}
	return answers
}

// giveUpLease blocks until Redis has answered or ctx ends.
func (b *Backbone) giveUpLease(ctx context.Context) error {
	keys := b.leaseKeys()
	answers := b.askLeases(keys, 0, ioTimeout)
	var failed error
	for range keys {
		select {
		case a := <-answers:
			failed = errors.Join(failed, a.err)
		case <-ctx.Done():
			return fmt.Errorf("give up lease: %w", ctx.Err())
		}
	}
	return failed
}

// record stores the answer of a key. lost: our own lease was no longer there.
func (l *leases) record(a leaseAnswer) (lost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lists == nil {
		l.lists, l.seen = map[string]map[string]bool{}, map[string]map[string]bool{}
	}
	_, known := l.lists[a.key]
	list := make(map[string]bool, len(a.list))
	for _, v := range a.list[1:] {
		if s, ok := v.(string); ok {
			list[s] = true
			if l.seen[s] == nil {
				l.seen[s] = map[string]bool{}
			}
			l.seen[s][a.key] = true
		}
	}
	l.lists[a.key] = list
	l.renewed = time.Now()
	return known && a.list[0] == int64(0)
}

// live returns the instances with a lease. An instance listed only by keys that do not answer is believed to be alive.
func (l *leases) live(answered map[string]bool) map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	live := map[string]bool{}
	for inst, keys := range l.seen {
		listed, judged := false, false
		for key := range keys {
			if answered[key] {
				judged = true
				listed = listed || l.lists[key][inst]
			}
		}
		switch {
		case listed || !judged:
			live[inst] = true
		default:
			delete(l.seen, inst)
		}
	}
	return live
}

func (l *leases) renewedAt() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.renewed
}

// giveWay looks for other live processes with the same name. They can safely run side by side, because each is its own incarnation. But
// operators cannot tell them apart, so the later one gets no clients, and both log it.
func (b *Backbone) giveWay(ctx context.Context, live map[string]bool) {
	rival, younger := "", ""
	for inst := range live {
		switch {
		case inst == b.opt.Instance || InstanceName(inst) != b.name || !b.listens(ctx, inst):
		case inst < b.opt.Instance:
			rival = inst
		default:
			younger = inst
		}
	}
	l := &b.leases
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rival = rival
	switch other := rival + younger; {
	case other == "":
		l.told = ""
	case l.told != other:
		l.told = other
		if rival != "" {
			b.log.Error("not ready", "error", errRival(rival))
		} else {
			b.log.Error("another process came with this one's INSTANCE_ID; it gets no clients while this one lives", "other", younger)
		}
	}
}

// listens reports whether an instance is subscribed. A crashed one is not, though its lease lives on. On a cluster only the lease tells.
func (b *Backbone) listens(ctx context.Context, instance string) bool {
	client, ok := (*b.client.Load()).(*redis.Client)
	if !ok {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, ioTimeout)
	defer cancel()
	n, err := client.PubSubNumSub(ctx, channel(instance)).Result()
	return err != nil || n[channel(instance)] > 0
}

// leaseSpread is how many lease keys a cluster has besides the one that earlier versions know.
const leaseSpread = 8

// leaseKeys are the keys of the leases: one in each eighth of a cluster's slots.
func (b *Backbone) leaseKeys() []string {
	return leaseKeysOf(*b.client.Load())
}

func leaseKeysOf(client redis.UniversalClient) []string {
	if _, cluster := client.(*redis.ClusterClient); cluster {
		return clusterLeaseKeys()
	}
	return []string{leasesKey}
}

var clusterLeaseKeys = sync.OnceValue(func() []string {
	keys := []string{leasesKey}
	for i, n := 0, 0; i < leaseSpread; n++ {
		key := spreadLeaseKey(n)
		if int(pipeline.Slot(key))*leaseSpread/16384 == i {
			keys, i, n = append(keys, key), i+1, -1
		}
	}
	return keys
})
