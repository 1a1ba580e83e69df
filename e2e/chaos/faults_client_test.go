package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/e2e/chaos/history"
)

func clientFaults() []fault {
	return []fault{
		{name: "clients acknowledge nothing for 6 s, and resume meanwhile", store: onDisk, settings: []string{"MAILBOX_MESSAGES=64"}, do: acknowledgeNothing},
		{name: "clients acknowledge nonsense", store: onDisk, do: acknowledgeNonsense},
		{name: "wallets stop reading for 5 s", store: onDisk, old: oldStall, do: stallOne},
		{name: "50 readers stall beside the load, a megabyte for each", store: onDisk, slow: true, do: stallReaders},
		{name: "pong flood: 8 clients read nothing and send 12 KB/s of pongs for 5 s", store: onDisk, do: floodPongs},
		{name: "clients flap: join and leave at once", store: onDisk, old: oldFlap, do: flap},
		{name: "clients resume twice at once", store: onDisk, do: resumeTwice},
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

// stallOne: the first of each room, whose peers send twenty kilobytes at a time, until nothing goes in anywhere.
func stallOne(r *run) {
	heavy := func(on bool) {
		for _, room := range r.load.rooms {
			for _, a := range room.others {
				a.heavy.Store(on)
			}
			room.first.stall(on)
		}
	}
	heavy(true)
	time.Sleep(5 * time.Second)
	heavy(false)
}

// flap: another one like the first of each room, in a pair of the other dialect, joins and leaves, again and again.
func flap(r *run) {
	ctx, cancel := context.WithTimeout(r.load.ctx, patience)
	defer cancel()
	var flapping sync.WaitGroup
	for i, room := range r.load.rooms {
		flapping.Go(func() {
			for n := range 20 {
				a := r.guest(room, fmt.Sprintf("flap-%d", n), i+n)
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

// guest is another one like the first of a room, which does not send; in a pair it speaks the other dialect.
func (r *run) guest(room room, name string, first int) *actor {
	m := room.first.member
	s := seat{role: m.Role, target: m.Target, plain: m.Target == "" && !m.Plain}
	return r.load.actor(s.member(m.Name+"/"+name, room.id), first, 0)
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
	a.mu.Lock()
	a.twins = []*client.Client{old}
	a.mu.Unlock()
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
			a.mu.Lock()
			a.twins = append(a.twins, c)
			a.mu.Unlock()
			a.follow(c, began, nil)
		})
	}
	attempts.Wait()
	return a.keepOne(ctx)
}

// isTwin reports whether others may have the session that a client shows the position of. mu is held.
func (a *actor) isTwin(c *client.Client) bool { return len(a.twins) > 1 && slices.Contains(a.twins, c) }

// stray ends an attempt that came too late, or a connection that was lost before it heard that another one has its session: it has a session of its
// own, and leaves. mu is held.
func (a *actor) stray(c *client.Client, conn int, first client.Event) {
	a.twins = slices.DeleteFunc(a.twins, func(t *client.Client) bool { return t == c })
	if conn > 0 {
		a.log.Add(history.Event{Kind: history.Fenced, Member: a.member.Name, Conn: conn})
	}
	a.strays++
	m := a.member
	m.Name += fmt.Sprintf("/stray-%d", a.strays)
	s := newActor(a.log, m, a.config, 0)
	s.adopt(c, 0, first)
	a.readers.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		s.leave(ctx)
	})
}

// keepOne waits until one of the twins is left: the others are told that the session is elsewhere.
func (a *actor) keepOne(ctx context.Context) error {
	for {
		a.mu.Lock()
		left, err := a.left()
		a.mu.Unlock()
		switch {
		case err != nil:
		case left == 1:
			return nil
		case ctx.Err() != nil:
			err = fmt.Errorf("%d connections hold one session", left)
		}
		if err != nil {
			a.giveUpTwins()
			return err
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// left counts the twins that were not told so yet, and makes the last one the one that sends. mu is held.
func (a *actor) left() (n int, err error) {
	a.twins = slices.DeleteFunc(a.twins, func(c *client.Client) bool { return errors.Is(c.Err(), client.ErrResumedElsewhere) })
	for _, c := range a.twins {
		if c.Err() != nil {
			return 0, fmt.Errorf("ended by %w", c.Err())
		}
	}
	switch len(a.twins) {
	case 0:
		return 0, errors.New("no attempt has the session")
	case 1:
		a.client, a.twins = a.twins[0], nil
		return 1, nil
	}
	return len(a.twins), nil
}

// giveUpTwins ends all but the one that sends, so that no reader waits for them.
func (a *actor) giveUpTwins() {
	a.mu.Lock()
	twins := a.twins
	a.twins = nil
	if len(twins) > 0 {
		a.client = twins[len(twins)-1]
	}
	a.mu.Unlock()
	for _, c := range twins[:max(0, len(twins)-1)] {
		c.Abort()
	}
}

func (a *actor) current() *client.Client {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.client
}
