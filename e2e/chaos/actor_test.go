package chaos_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/e2e/chaos/history"
)

const (
	pace    = 60 * time.Millisecond // between two messages of an actor
	silence = 2 * time.Second       // after which a client looks whether its connection is alive
	bigger  = 20 << 10              // of one message in 50: too large for a doorbell
)

// actor is one member of a room: it negotiates with every peer it meets, keeps sending, and records everything it sees.
type actor struct {
	static
	log *history.Log

	// owned by the sender
	rng     *rand.Rand
	sent    int
	offered map[string]bool // peers that have had their offer
	heavy   atomic.Bool     // sends large messages only; may be set by others
	barred  atomic.Bool     // has no network; may be set by others
	stored  atomic.Int32    // messages that were confirmed

	mu sync.Mutex
	// guarded by mu
	client *client.Client
	conn   int                         // the newest connection
	self   string                      // rejoin.v1
	peers  map[*client.Client][]string // the peers present, newest last, as each client was told
	seen   map[string]bool             // entries, over all clients that share the position
	slow   bool                        // does not read
	mute   bool                        // does not acknowledge
	owed   *client.Data                // what was not acknowledged
	twins  []*client.Client            // while several have one position: those that may still have its session
	strays int                         // attempts that came too late
	got    map[string]bool             // messages that were delivered

	readers sync.WaitGroup
	answers sync.WaitGroup
	settled sync.Cond // of slow; L is mu
}

// static is what never changes of an actor.
type static struct {
	member history.Member
	config client.Config
}

func newActor(log *history.Log, m history.Member, cfg client.Config, seed uint64) *actor {
	cfg.Role, cfg.Target, cfg.Room, cfg.Plain, cfg.Reconnect = m.Role, m.Target, m.Room, m.Plain, true
	cfg.Backoff = client.Backoff{Min: 20 * time.Millisecond, Max: 500 * time.Millisecond}
	cfg.Silence, cfg.ConnectTimeout, cfg.WriteTimeout = silence, 5*time.Second, 5*time.Second
	cfg.ManualAck, cfg.AckAfter = true, 300*time.Millisecond
	log.Join(m)
	a := &actor{
		static: static{member: m, config: cfg}, log: log,
		rng: rand.New(rand.NewPCG(seed, 7)), offered: map[string]bool{}, seen: map[string]bool{}, got: map[string]bool{}, peers: map[*client.Client][]string{},
	}
	a.settled.L = &a.mu
	if cfg.HTTPClient != nil {
		a.config.HTTPClient = &http.Client{Transport: &gate{next: cfg.HTTPClient.Transport, barred: &a.barred}}
	}
	return a
}

// join opens the actor's client and reads it until it ends.
func (a *actor) join(ctx context.Context) error {
	c, err := client.Dial(ctx, a.config)
	if err != nil {
		return fmt.Errorf("dial as %s: %w", a.member.Name, err)
	}
	a.adopt(c, 0, nil)
	return nil
}

// adopt makes c the client that sends, and reads it until it ends. first, unless nil, was read already; began is when the
// attempt was made, 0 for a moment ago.
func (a *actor) adopt(c *client.Client, began time.Duration, first client.Event) {
	a.mu.Lock()
	a.client = c
	a.mu.Unlock()
	a.follow(c, began, first)
}

// follow reads a client until it ends.
func (a *actor) follow(c *client.Client, began time.Duration, first client.Event) {
	a.readers.Go(func() { a.read(c, began, first) })
}

func (a *actor) read(c *client.Client, began time.Duration, ev client.Event) {
	conn := 0
	for {
		a.mu.Lock()
		for a.slow {
			a.settled.Wait()
		}
		if s, ok := ev.(client.Session); ok && !s.Resumed && a.isTwin(c) {
			a.stray(c, conn, ev)
			a.mu.Unlock()
			return
		}
		if ev != nil {
			conn = a.see(c, conn, ev, began)
			began = 0
		}
		a.mu.Unlock()
		var err error
		if ev, err = c.Next(context.Background()); err != nil {
			if errors.Is(err, client.ErrResumedElsewhere) {
				a.log.Add(history.Event{Kind: history.Fenced, Member: a.member.Name, Conn: conn})
			}
			return
		}
	}
}

// see writes one event down and returns the number of the client's connection. mu is held, so that what is written has the
// order of the numbers.
func (a *actor) see(c *client.Client, conn int, ev client.Event, began time.Duration) int {
	note := func(kind history.Kind, peer, message string) {
		a.log.Add(history.Event{Kind: kind, Member: a.member.Name, Conn: conn, Peer: peer, Message: message})
	}
	switch ev := ev.(type) {
	case client.Connected:
		a.conn++
		conn, a.peers[c] = a.conn, nil
		note(history.Opened, "", "")
	case client.Session:
		a.conn++
		conn, a.peers[c], a.self = a.conn, nil, ev.ClientID
		if !ev.Resumed {
			clear(a.seen)
		}
		for _, p := range ev.Peers {
			a.peers[c] = append(a.peers[c], p.ID)
		}
		a.log.Add(history.Event{
			Kind: history.Opened, Member: a.member.Name, Conn: conn, Self: ev.ClientID, Resumed: ev.Resumed, Peers: slices.Clone(a.peers[c]), Began: began,
		})
		for _, u := range ev.Undelivered {
			for _, m := range u.RequestIDs {
				note(history.Undelivered, u.Peer, m)
			}
		}
	case client.PeerAlreadyConnected:
		a.peers[c] = append(a.peers[c], ev.ID)
		note(history.Announced, ev.ID, "")
	case client.PeerConnected:
		a.peers[c] = append(a.peers[c], ev.ID)
		note(history.Announced, ev.ID, "")
	case client.PeerDisconnected:
		a.peers[c] = slices.DeleteFunc(a.peers[c], func(id string) bool { return id == ev.ID })
		for _, m := range ev.Undelivered {
			note(history.Undelivered, ev.ID, m)
		}
		note(history.Gone, ev.ID, "")
	case client.StoreReplaced:
		for _, m := range ev.Doubtful {
			note(history.Doubted, "", m)
		}
	case client.Data:
		a.take(c, conn, ev)
	}
	return conn
}

// take writes a message down. Clients that share a position tell repetitions by the entry, as one client does by itself.
func (a *actor) take(c *client.Client, conn int, d client.Data) {
	text := d.Payload
	if d.JSON != nil {
		if err := json.Unmarshal(d.JSON, &text); err != nil {
			panic(err) // compose makes no other
		}
	}
	message, _, _ := strings.Cut(text, " ")
	e := history.Event{Kind: history.Delivered, Member: a.member.Name, Conn: conn, Peer: d.From, Message: message}
	e.Repeat = d.ID != "" && a.seen[d.ID]
	a.log.Add(e)
	a.got[message] = true
	a.seen[d.ID] = true
	if a.mute {
		a.owed = &d
		return
	}
	c.Ack(d)
	if !e.Repeat {
		e.Kind = history.Acked
		a.log.Add(e)
	}
}

// until blocks until ok, which is called with mu held.
func (a *actor) until(ctx context.Context, what string, ok func() bool) error {
	for {
		a.mu.Lock()
		done := ok()
		a.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%s waited in vain for %s", a.member.Name, what)
		}
	}
}

// stall stops or resumes reading.
func (a *actor) stall(on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.slow = on
	a.settled.Broadcast()
}

// bar takes an actor's network away, or gives it back.
func (a *actor) bar(on bool) {
	a.barred.Store(on)
	if on {
		a.current().Drop()
	}
}

// gate lets no upgrade through while it is barred.
type gate struct {
	next   http.RoundTripper
	barred *atomic.Bool
}

func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	if g.barred.Load() {
		return nil, errors.New("no network")
	}
	return g.next.RoundTrip(r)
}

// keepMute stops or resumes acknowledging.
func (a *actor) keepMute(on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mute = on
	if !on && a.owed != nil {
		a.client.Ack(*a.owed)
		a.owed = nil
	}
}

// run sends until ctx ends, and then waits for all answers; life bounds that wait.
func (a *actor) run(ctx, life context.Context) {
	defer a.answers.Wait()
	for ctx.Err() == nil {
		a.send(ctx, life)
		select {
		case <-time.After(pace/2 + time.Duration(a.rng.Int64N(int64(pace)))):
		case <-ctx.Done():
		}
	}
}

// send sends the next message, if there is a peer: in a pair to the newest, as wallets and extensions do, elsewhere to any.
func (a *actor) send(ctx, life context.Context) {
	a.sendTo(ctx, life, func(peers []string) string {
		if a.member.Target == "" {
			return peers[len(peers)-1]
		}
		return peers[a.rng.IntN(len(peers))]
	})
}

// sendToAll sends a message to each peer: in a pair to the newest.
func (a *actor) sendToAll(ctx context.Context) {
	if a.member.Target == "" {
		a.send(ctx, ctx)
		return
	}
	a.mu.Lock()
	peers := slices.Clone(a.peers[a.client])
	a.mu.Unlock()
	for _, id := range peers {
		a.sendTo(ctx, ctx, func(now []string) string {
			if slices.Contains(now, id) {
				return id
			}
			return ""
		})
	}
}

// sendTo sends the next message to the peer that choose returns, if it returns one. choose is called if there is any, with mu held.
func (a *actor) sendTo(ctx, life context.Context, choose func(peers []string) string) {
	a.mu.Lock()
	c, conn, target := a.client, a.conn, ""
	if peers := a.peers[c]; len(peers) > 0 {
		target = choose(peers)
	}
	if c == nil || target == "" {
		a.mu.Unlock()
		return
	}
	m := a.compose(target)
	note := func(kind history.Kind) {
		a.log.Add(history.Event{Kind: kind, Member: a.member.Name, Conn: conn, Peer: target, Message: m.RequestID})
	}
	note(history.Sent) // with mu held: it is not behind the opening of the next connection
	a.mu.Unlock()
	answer := func(err error) {
		switch {
		case err == nil:
			note(history.Confirmed)
			a.stored.Add(1)
		case errors.Is(err, client.ErrMissingRemoteClient), errors.Is(err, client.ErrMailboxFull):
			note(history.Refused)
		default:
			note(history.Unanswered)
		}
	}
	if a.member.Plain { // plain senders wait for the answer before the next message
		answer(c.Send(life, m))
		return
	}
	p, err := c.Post(ctx, m)
	if err != nil {
		answer(err)
		return
	}
	a.answers.Go(func() {
		select {
		case <-p.Done():
			answer(p.Err())
		case <-life.Done():
			note(history.Unanswered)
		}
	})
}

// compose makes the next message: extension, host and equals offer, wallet and viewer answer, and all send candidates from then on. Outside of
// pairs one in four has a method of the application's own, and carries any JSON.
func (a *actor) compose(target string) client.Message {
	a.sent++
	method := "iceCandidate"
	switch {
	case !a.offered[target]:
		a.offered[target] = true
		method = map[string]string{client.Extension: "offer", client.Wallet: "answer", "peer": "offer", "host": "offer", "viewer": "answer"}[a.member.Role]
	case a.member.Target != "" && a.rng.IntN(4) == 0:
		method = "board.drawn"
	}
	size := 50 + a.rng.IntN(400)
	if a.rng.IntN(50) == 0 || a.heavy.Load() {
		size = bigger
	}
	id := fmt.Sprintf("%s#%d", a.member.Name, a.sent)
	m := client.Message{RequestID: id, Target: target, Method: method}
	if text := id + " " + strings.Repeat("x", size); method == "board.drawn" {
		m.JSON = text
	} else {
		m.EncryptedPayload = text
	}
	return m
}

// leave ends the actor's session and waits for its readers.
func (a *actor) leave(ctx context.Context) {
	a.mu.Lock()
	c := a.client
	a.mu.Unlock()
	if c != nil {
		a.log.Add(history.Event{Kind: history.Left, Member: a.member.Name})
		_ = c.Close(ctx) // when the server is away it learns of it in its own time
	}
	a.readers.Wait()
}
