package sim_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// instance is a process of the server: a hub and its backbone, the real ones.
type instance struct {
	sim     *simulation
	index   int // its place among the instances
	id      uint64
	name    string
	life    int // how many there were at this place before
	hub     *signaling.Hub
	back    *streams.Backbone
	stop    context.CancelFunc
	ran     chan struct{}
	dials   map[int]uint64
	calls   map[uint64]uint64 // how many of each there were; guarded by simulation.dialing
	dead    bool              // killed: nothing of it passes any more
	ended   bool              // by itself
	closing bool              // takes no newcomers
	thaws   time.Duration

	sockets []*socket

	knowing sync.Mutex
	unfit   map[string]bool // token IDs that were revoked; guarded by knowing
}

// revoke takes what Redis says of revocations, as functions/signal does.
func (i *instance) revoke(list []streams.Revocation, _ bool) {
	i.knowing.Lock()
	for _, r := range list {
		i.unfit[r.Name] = true
	}
	i.knowing.Unlock()
	i.hub.Recheck()
}

func (i *instance) revoked(who *wire.Identity, _ time.Time) bool {
	i.knowing.Lock()
	defer i.knowing.Unlock()
	return i.unfit[who.TokenID]
}

var errDead = errors.New("this process is dead")

func (s *simulation) start(index int) {
	life := 0
	if old := s.instances[index]; old != nil {
		life = old.life + 1
	}
	i := &instance{
		sim: s, index: index, life: life, name: fmt.Sprintf("i%d", index), ran: make(chan struct{}), dials: map[int]uint64{}, calls: map[uint64]uint64{}, unfit: map[string]bool{},
		id: s.w.draw(name("instance"), uint64(index), uint64(life)),
	}
	if !s.plan.sameName {
		i.name = fmt.Sprintf("i%d-%d", index, life)
	}
	var addrs []string
	for _, n := range s.nodes {
		addrs = append(addrs, n.addr)
	}
	url := "redis://" + strings.Join(addrs, ",")
	registry := prometheus.NewRegistry()
	var err error
	i.back, err = streams.Open(streams.Options{
		URL: url, Instance: i.name, Grace: grace, Lease: lease, CallTimeout: callTimeout, MailboxEntries: 64, Registerer: registry,
		Logger: s.log.With("at", i.name), Dialer: i.dial, Revoked: i.revoke,
	})
	if err != nil {
		panic(err)
	}
	var back signaling.Backbone = i.back
	if s.plan.forgetful {
		back = forgetful{i.back}
	}
	i.hub = signaling.NewHub(signaling.Config{
		ResumeRoles: []wire.Role{wire.Wallet}, PingInterval: pingInterval, MaxMessageBytes: 64 << 10, SyncInterval: syncInterval,
		Registerer: registry, Logger: s.log.With("at", i.name), Seed: i.id | 1, Revoked: i.revoked,
	}, back)
	s.instances[index] = i
	s.all = append(s.all, i)
	var ctx context.Context
	ctx, i.stop = context.WithCancel(context.Background())
	i.back.Start(i.hub)
	go func() {
		defer close(i.ran)
		i.hub.Run(ctx)
	}()
}

// dial connects to a node.
func (i *instance) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	s := i.sim
	var n *node
	for _, x := range s.nodes {
		if x.addr == addr {
			n = x
		}
	}
	if n == nil {
		return nil, fmt.Errorf("dial %s: no such host", addr)
	}
	result := make(chan *link, 1)
	s.dialing.Lock()
	i.dials[n.index]++
	count := i.dials[n.index]
	s.dialing.Unlock()
	id := mix(i.id ^ mix(uint64(n.index)<<32|count))
	l := &link{w: s.w, inst: i, node: n, id: id, changed: make(chan struct{}, 1)}
	var connect func()
	connect = func() {
		if wait := s.blocked(l); wait > 0 && n.frozen() == 0 { // a kernel answers for a process that hangs
			s.w.after(wait+s.w.hop(id, 9), id, connect)
			return
		}
		if i.dead {
			l = nil
		} else {
			n.links = append(n.links, l)
		}
		result <- l
	}
	s.w.after(s.w.hop(id, 10), id, connect)
	select {
	case got := <-result:
		if got == nil {
			return nil, errDead
		}
		return got, nil
	case <-ctx.Done():
		go func() { // what is connected later is closed
			if got := <-result; got != nil {
				_ = got.Close()
			}
		}()
		return nil, fmt.Errorf("dial %s: %w", addr, ctx.Err())
	}
}

// identify makes a number of a call that tells it from all others of this instance, and does not depend on which of its
// connections carries it: that go-redis leaves to chance.
func (i *instance) identify(n *node, args []string) uint64 {
	of := i.id
	for k, a := range args {
		if k == 0 {
			a = strings.ToUpper(a)
		}
		of = mix(of ^ name(a))
	}
	if args[0] != "cluster" { // asked of any node
		of = mix(of + uint64(n.index))
	}
	i.sim.dialing.Lock()
	defer i.sim.dialing.Unlock()
	i.calls[of]++
	return mix(of + i.calls[of])
}

// kill ends an instance without a word.
func (i *instance) kill() {
	if i.dead || i.ended {
		return
	}
	i.dead = true
	for _, n := range i.sim.nodes {
		for _, l := range append([]*link(nil), n.links...) {
			if l.inst == i {
				l.cut()
			}
		}
	}
	for _, s := range append([]*socket(nil), i.sockets...) {
		s.break_(false)
	}
	i.stop()
	i.sim.goes.Go(func() {
		<-i.ran
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = i.back.Close(ctx)
	})
}

// drain ends an instance in good order, as functions/signal does.
func (i *instance) drain(within time.Duration, done func()) {
	if i.dead || i.ended {
		done()
		return
	}
	i.closing = true
	i.sim.goes.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), within+time.Second)
		i.hub.Drain(ctx, within)
		cancel()
		i.stop()
		<-i.ran
		ctx, cancel = context.WithTimeout(context.Background(), 2*time.Second)
		_ = i.back.Close(ctx)
		cancel()
		i.sim.w.after(i.sim.w.hop(i.id, 11), i.id, func() {
			if !i.dead {
				i.ended = true
				for _, s := range append([]*socket(nil), i.sockets...) {
					s.break_(false)
				}
			}
			done()
		})
	})
}

// frozen is how long it still hangs.
func (i *instance) frozen() time.Duration { return max(0, i.thaws-i.sim.w.now()) }

// open reports whether newcomers get in.
func (i *instance) open() bool {
	return !i.dead && !i.ended && !i.closing && i.hub.Ready() == nil && i.hub.Busy() == nil
}

// discard is where logs go unless they are asked for.
func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// forgetful is a backbone that tells its hub that every end of a session has reached Redis, and lets none of them through; nor does it say what
// its instance is said to hold, which would heal that.
type forgetful struct{ *streams.Backbone }

func (f forgetful) Detach(_ streams.SessionRef, _ streams.Disconnect, done func(streams.Holding, error)) {
	time.AfterFunc(time.Millisecond, func() { done(streams.HoldingOurs, nil) })
}

func (f forgetful) Leave(_ streams.SessionRef, _ streams.Disconnect, done func(bool, error)) {
	time.AfterFunc(time.Millisecond, func() { done(true, nil) })
}

func (f forgetful) Claims(_ string, done func([]streams.SessionRef, error)) {
	time.AfterFunc(time.Millisecond, func() { done(nil, nil) })
}

func (f forgetful) Sync(ref streams.SessionRef, r streams.Reading, done func(streams.Synced, error)) {
	f.Backbone.Sync(ref, r, func(s streams.Synced, err error) {
		s.Claims = nil
		done(s, err)
	})
}
