//go:build linux

package scenario

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rejoin-dev/rejoin/tools/loadtest/swarm"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// tricklers are connections that send a byte a second: every other one of a request head, the others of a frame that is
// announced as 60,000 bytes. One that the server gives up on comes back at its next turn.
type tricklers struct {
	run     string
	first   int // number of the first client, for its address and room
	servers []netip.AddrPort
	socks   []trickler // owned by the goroutine

	open  atomic.Int64 // at the moment
	ended atomic.Int64 // given up on by the server so far
	sent  atomic.Int64 // bytes that trickled
	err   atomic.Pointer[error]

	cancel context.CancelFunc
	wg     sync.WaitGroup
}

type trickler struct {
	fd   int // 0: none
	text []byte
}

const (
	trickleTick  = 10 * time.Millisecond
	trickleTurns = 100 // ticks in which each connection has one turn
)

// bigFrame begins a masked text frame of 60,000 bytes (RFC 6455 section 5.2); its payload is zeros, masked with zeros.
var bigFrame = []byte{0x81, 0x80 | 126, 60_000 >> 8, 60_000 & 0xff, 0, 0, 0, 0}

func newTricklers(run string, first, count int, servers []netip.AddrPort) *tricklers {
	return &tricklers{run: run, first: first, servers: servers, socks: make([]trickler, count)}
}

// start opens the connections, spread over a second, and trickles until stop.
func (t *tricklers) start(ctx context.Context) {
	ctx, t.cancel = context.WithCancel(ctx)
	t.wg.Go(func() {
		if err := yieldToAll(); err != nil {
			t.err.Store(&err)
			return
		}
		tick := time.NewTicker(trickleTick)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			for i := n % trickleTurns; i < len(t.socks); i += trickleTurns {
				if err := t.turn(i); err != nil {
					t.err.Store(&err)
					return
				}
			}
		}
	})
}

// yieldToAll gives the calling goroutine a thread of its own, which runs when no other thread wants the processor: hostile clients
// are on other machines, and must not take the time of the servers and clients that are measured. The thread ends with the goroutine.
func yieldToAll() error {
	runtime.LockOSThread()
	err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0)
	if err != nil {
		return fmt.Errorf("lower the priority of a thread: %w", err)
	}
	return nil
}

// await returns when nearly all are open: those that were given up on are always about to come back.
func (t *tricklers) await(ctx context.Context) error {
	for t.open.Load() < int64(len(t.socks))*95/100 {
		if err := sleep(ctx, trickleTick); err != nil {
			return err
		}
		if err := t.err.Load(); err != nil {
			return *err
		}
	}
	return nil
}

// stop closes all connections.
func (t *tricklers) stop() error {
	if t.cancel == nil {
		return nil
	}
	t.cancel()
	t.wg.Wait()
	for i := range t.socks {
		t.drop(i)
	}
	t.cancel = nil
	if err := t.err.Load(); err != nil {
		return *err
	}
	return nil
}

// turn sends a connection's next byte.
func (t *tricklers) turn(i int) error {
	s := &t.socks[i]
	if s.fd == 0 {
		return t.dial(i)
	}
	next := []byte{0}
	if len(s.text) > 0 {
		next, s.text = s.text[:1], s.text[1:]
	}
	n, err := unix.Write(s.fd, next)
	switch {
	case err == nil:
		t.sent.Add(int64(n))
	case err != unix.EAGAIN:
		t.ended.Add(1)
		t.drop(i)
	}
	return nil
}

func (t *tricklers) dial(i int) error {
	to := t.servers[i%len(t.servers)]
	fd, err := swarm.Connect(to, swarm.Source(t.first+i))
	if err != nil {
		return fmt.Errorf("trickler %d: %w", i, err)
	}
	head := swarm.Request(to.String(), traffic.Target(t.run, t.first+i, traffic.Wallet), "")
	t.socks[i] = trickler{fd: fd, text: head}
	if i/len(t.servers)%2 == 1 {
		if _, err := unix.Write(fd, head); err != nil {
			return fmt.Errorf("upgrade trickler %d: %w", i, err)
		}
		t.socks[i].text = bigFrame
	}
	t.open.Add(1)
	return nil
}

func (t *tricklers) drop(i int) {
	if s := &t.socks[i]; s.fd != 0 {
		_ = unix.Close(s.fd)
		*s = trickler{}
		t.open.Add(-1)
	}
}
