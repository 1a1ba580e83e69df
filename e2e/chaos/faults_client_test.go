package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/e2e/chaos/history"
)

func clientFaults() []fault {
	return []fault{
		{name: "clients acknowledge nothing for 6 s, and resume meanwhile", store: onDisk, settings: []string{"MAILBOX_MESSAGES=64"}, open: true, do: acknowledgeNothing},
		{name: "clients acknowledge nonsense", store: onDisk, do: acknowledgeNonsense},
		{name: "wallets stop reading for 5 s", store: onDisk, old: oldStall, do: stallWallets},
		{name: "50 readers stall beside the load, a megabyte for each", store: onDisk, slow: true, do: stallReaders},
		{name: "pong flood: 8 clients read nothing and send 12 KB/s of pongs for 5 s", store: onDisk, do: floodPongs},
		{name: "clients flap: join and leave at once", store: onDisk, old: oldFlap, do: flap},
		{name: "clients resume twice at once", store: onDisk, open: true, do: resumeTwice},
	}
}

func acknowledgeNothing(r *run) {
	for _, a := range r.load.actors() {
		a.keepMute(true)
	}
	for range 6 {
		time.Sleep(time.Second)
		for _, a := range r.load.actors() {
			if !a.member.Plain {
				a.current().Drop()
			}
		}
	}
	for _, a := range r.load.actors() {
		a.keepMute(false)
	}
}

// stallWallets: their peers send twenty kilobytes at a time, until nothing goes in anywhere.
func stallWallets(r *run) {
	for _, room := range r.load.rooms {
		room.extension.heavy.Store(true)
		room.wallet.stall(true)
	}
	time.Sleep(5 * time.Second)
	for _, room := range r.load.rooms {
		room.extension.heavy.Store(false)
		room.wallet.stall(false)
	}
}

// flap: a second wallet of the other dialect joins each room and leaves, again and again.
func flap(r *run) {
	ctx, cancel := context.WithTimeout(r.load.ctx, patience)
	defer cancel()
	var flapping sync.WaitGroup
	for i, room := range r.load.rooms {
		flapping.Go(func() {
			for n := range 20 {
				a := r.guest(room, fmt.Sprintf("flap-%d", n), !room.wallet.member.Plain, i+n)
				if err := a.join(ctx); err != nil {
					r.t.Error(err)
					return
				}
				a.leave(ctx)
			}
		})
	}
	flapping.Wait()
}

// guest is another wallet in a room, which does not send.
func (r *run) guest(room room, name string, plain bool, first int) *actor {
	m := history.Member{Name: room.wallet.member.Name + "/" + name, Room: room.wallet.member.Room, Role: client.Wallet, Plain: plain, Kept: plain}
	return r.load.actor(m, first, 0)
}

// resumeTwice: two attempts with one position at the same moment, on two instances, while the connection before them is well.
func resumeTwice(r *run) {
	var twins sync.WaitGroup
	for i, a := range r.load.actors() {
		if a.member.Plain {
			continue
		}
		twins.Go(func() {
			for n := range 4 {
				if err := r.resumeTwice(a, i, n); err != nil {
					r.t.Errorf("%s: %v", a.member.Name, err)
				}
			}
		})
	}
	twins.Wait()
}

func (r *run) resumeTwice(a *actor, i, n int) error {
	ctx, cancel := context.WithTimeout(r.load.ctx, patience)
	defer cancel()
	old := a.current()
	position := old.Position()
	clients := []*client.Client{old, nil, nil}
	var attempts sync.WaitGroup
	for k := 1; k <= 2; k++ {
		attempts.Go(func() {
			cfg := a.config
			cfg.URL, cfg.URLs, cfg.Resume = urls(i + k)[0], urls(i+k), &position
			began := a.log.Now()
			c, err := client.Dial(ctx, cfg)
			if errors.Is(err, client.ErrResumedElsewhere) {
				return // fenced before it was told
			}
			if err != nil {
				r.t.Errorf("dial as %s: %v", a.member.Name, err)
				return
			}
			first, err := c.Next(ctx)
			if s, ok := first.(client.Session); ok && !s.Resumed {
				r.stray(ctx, a, c, first, fmt.Sprintf("stray-%d-%d", n, k))
			} else if err == nil {
				clients[k] = c
				a.adopt(c, began, first)
			}
		})
	}
	attempts.Wait()
	return a.keepOne(ctx, clients)
}

// stray is an attempt that came too late: it has a session of its own, and leaves.
func (r *run) stray(ctx context.Context, of *actor, c *client.Client, first client.Event, name string) {
	m := of.member
	m.Name += "/" + name
	a := newActor(r.load.log, m, of.config, 0)
	a.adopt(c, 0, first)
	a.leave(ctx)
}

// keepOne waits until one of the clients is left: the others are told that the session is elsewhere.
func (a *actor) keepOne(ctx context.Context, clients []*client.Client) error {
	for {
		var left []*client.Client
		for _, c := range clients {
			switch {
			case c == nil || errors.Is(c.Err(), client.ErrResumedElsewhere):
			case c.Err() != nil:
				return fmt.Errorf("ended by %w", c.Err())
			default:
				left = append(left, c)
			}
		}
		switch len(left) {
		case 0:
			return errors.New("nobody has the session")
		case 1:
			a.mu.Lock()
			a.client = left[0]
			a.mu.Unlock()
			return nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%d connections hold one session", len(left))
		}
	}
}

func (a *actor) current() *client.Client {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.client
}
