package chaos_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/rejoin-dev/rejoin/e2e/chaos/history"
)

// A couple is two PeerJS clients that talk to each other beside the rooms, as npm peerjs does on a page that follows docs/peerjs.md: it comes back,
// with the same id and token, when its socket is gone or has been silent for too long.
//
// PeerJS confirms nothing. So what a client wrote may be lost when its socket ended and nothing that it wrote later on that socket arrived:
// the server may not have read it. Whatever else is lost has to be told, by EXPIRE. What was written on one connection arrives in order: what an
// instance that hangs has read already may come later than what its client has written elsewhere since. Offers and answers come once; a
// candidate may come again on another connection.
type couple [2]*caller

// caller is one of them.
type caller struct {
	id, token string
	first     int // where it connects first
	http      *http.Client
	other     *caller
	log       *history.Log // its clock

	mu sync.Mutex
	// guarded by mu
	socket *websocket.Conn // nil while there is none
	conn   int             // its number
	sent   []posted        // by number
	got    []received
	told   []time.Duration // when EXPIRE came
	faults []string

	running sync.WaitGroup
}

// posted is a message that was written.
type posted struct {
	kind string
	at   time.Duration
	conn int
}

// received is a message that came.
type received struct {
	n, conn int
	at      time.Duration
}

// frame is a message of the protocol.
type frame struct {
	Type    string `json:"type"`
	Dst     string `json:"dst,omitempty"`
	Src     string `json:"src,omitempty"`
	Payload *struct {
		N int `json:"n"`
	} `json:"payload,omitempty"`
}

func newCouple(l *load, number int) couple {
	var c couple
	for i := range c {
		c[i] = &caller{id: fmt.Sprintf("couple-%d-%d-%s", number, i, newRoomID()[:8]), token: newRoomID()[:16], first: number + i, http: l.stack.client(), log: l.log}
	}
	c[0].other, c[1].other = c[1], c[0]
	return c
}

// run begins to talk until ctx ends. The callers stay connected until life ends.
func (c couple) run(ctx, life context.Context, seed uint64) {
	for i, x := range c {
		x.running.Go(func() { x.stay(life) })
		x.running.Go(func() { x.talk(ctx, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
}

// stay keeps a connection.
func (x *caller) stay(life context.Context) {
	for try := x.first; life.Err() == nil; try++ {
		x.connect(life, urls(try)[0])
		select {
		case <-time.After(50 * time.Millisecond):
		case <-life.Done():
		}
	}
}

// connect opens a connection and reads it until it ends.
func (x *caller) connect(life context.Context, at string) {
	ctx, cancel := context.WithCancel(life)
	defer cancel()
	alive := time.AfterFunc(2*silence, cancel)
	defer alive.Stop()
	c, res, err := websocket.Dial(ctx, at+"/peerjs?"+url.Values{"key": {"peerjs"}, "id": {x.id}, "token": {x.token}}.Encode(), &websocket.DialOptions{
		HTTPClient: x.http, OnPingReceived: func(context.Context, []byte) bool { alive.Reset(silence); return true },
	})
	if err != nil {
		if res != nil && res.StatusCode != http.StatusServiceUnavailable {
			x.wrong("connect: %s", res.Status)
		}
		return
	}
	defer func() { _ = c.CloseNow() }()
	defer x.adopt(nil)
	for {
		_, text, err := c.Read(ctx)
		if err != nil {
			return
		}
		alive.Reset(silence)
		x.take(c, text)
	}
}

// adopt makes c the socket to write to.
func (x *caller) adopt(c *websocket.Conn) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.socket = c; c != nil {
		x.conn++
	}
}

func (x *caller) take(c *websocket.Conn, text []byte) {
	var f frame
	if err := json.Unmarshal(text, &f); err != nil {
		x.wrong("read %q: %v", text, err)
		return
	}
	switch {
	case f.Type == "OPEN":
		x.adopt(c)
	case f.Type == "EXPIRE" && f.Src == x.other.id:
		x.mu.Lock()
		x.told = append(x.told, x.log.Now())
		x.mu.Unlock()
	case f.Payload != nil && f.Src == x.other.id:
		x.mu.Lock()
		x.got = append(x.got, received{f.Payload.N, x.conn, x.log.Now()})
		x.mu.Unlock()
	default:
		x.wrong("read %s", text)
	}
}

func (x *caller) wrong(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.faults = append(x.faults, fmt.Sprintf(format, args...))
}

// talk writes until ctx ends: now and then an offer or an answer, and candidates.
func (x *caller) talk(ctx context.Context, rng *rand.Rand) {
	for ctx.Err() == nil {
		kind := "CANDIDATE"
		if rng.IntN(10) == 0 {
			kind = []string{"OFFER", "ANSWER"}[x.first%2]
		}
		x.write(ctx, kind)
		select {
		case <-time.After(pace/2 + time.Duration(rng.Int64N(int64(pace)))):
		case <-ctx.Done():
		}
	}
}

// write writes the next message, if there is a socket, and returns its number, -1 if there is none.
func (x *caller) write(ctx context.Context, kind string) int {
	x.mu.Lock()
	c, n := x.socket, len(x.sent)
	if c == nil {
		x.mu.Unlock()
		return -1
	}
	x.sent = append(x.sent, posted{kind, x.log.Now(), x.conn})
	x.mu.Unlock()
	text := fmt.Sprintf(`{"type":%q,"payload":{"n":%d},"dst":%q}`, kind, n, x.other.id)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), silence)
	defer cancel()
	if c.Write(ctx, websocket.MessageText, []byte(text)) != nil {
		_ = c.CloseNow()
	}
	return n
}

// settle has both write until something arrives that was written from now on: all before it has arrived by then, or never will.
func (c couple) settle(ctx context.Context) error {
	var both sync.WaitGroup
	errs := make([]error, 2)
	for i, x := range c {
		both.Go(func() {
			for from := -1; ; {
				if n := x.write(ctx, "CANDIDATE"); from < 0 {
					from = n
				}
				select {
				case <-time.After(100 * time.Millisecond):
				case <-ctx.Done():
					errs[i] = fmt.Errorf("%s reaches %s no more", x.id, x.other.id)
					return
				}
				if from >= 0 && x.other.hasFrom(from) {
					return
				}
			}
		})
	}
	both.Wait()
	return errors.Join(errs...)
}

// hasFrom reports whether a message has come that was written as the nth or later.
func (x *caller) hasFrom(n int) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range x.got {
		if r.n >= n {
			return true
		}
	}
	return false
}

// tally is what became of the messages of couples.
type tally struct{ sent, delivered, told, unread, excused, again int }

// judge checks one direction against the laws. excused reports whether the fault allows for the loss of what was sent then; repeats, whether it allows
// for a message to come twice.
func (x *caller) judge(t testing.TB, sum *tally, excused, repeats func(at time.Duration) bool) {
	t.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	to := x.other
	to.mu.Lock()
	defer to.mu.Unlock()
	for _, f := range x.faults {
		t.Errorf("%s: %s", x.id, f)
	}
	came, newest, lastOn := map[int]received{}, -1, map[int]int{}
	for _, r := range to.got {
		p := x.sent[r.n]
		switch before, twice := came[r.n]; {
		case !twice && r.n < lastOn[p.conn]:
			t.Errorf("%s received %d of %s after %d, both written on connection %d", to.id, r.n, x.id, lastOn[p.conn], p.conn)
		case !twice:
		case p.kind == "CANDIDATE" && before.conn != r.conn, repeats(before.at):
			sum.again++
		default:
			t.Errorf("%s received %s %d of %s twice, on connections %d and %d", to.id, p.kind, r.n, x.id, before.conn, r.conn)
		}
		if _, twice := came[r.n]; !twice {
			came[r.n] = r
			sum.delivered++
		}
		newest, lastOn[p.conn] = max(newest, r.n), max(lastOn[p.conn], r.n)
	}
	for n, p := range x.sent {
		sum.sent++
		if _, ok := came[n]; ok || n > newest { // what was written last is still under way
			continue
		}
		switch {
		case p.conn < x.conn && n > lastOn[p.conn]:
			sum.unread++
		case slices.ContainsFunc(x.told, func(at time.Duration) bool { return p.at < at && at < p.at+grace+10*time.Second }):
			sum.told++
		case excused(p.at):
			sum.excused++
		default:
			t.Errorf("%s %d of %s was lost: written on connection %d at %.3f s, and %d of that connection arrived", p.kind, n, x.id, p.conn, p.at.Seconds(), lastOn[p.conn])
		}
	}
}

// wait waits until the callers have ended.
func (c couple) wait() {
	for _, x := range c {
		x.running.Wait()
	}
}
