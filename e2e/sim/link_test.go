package sim_test

import (
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// link is one connection of an instance to a node of Redis. The product's end is a net.Conn; the node's end belongs to the
// world's goroutine.
type link struct {
	w    *world
	inst *instance
	node *node
	id   uint64 // of the instance, the node and how many links there were between them

	mu sync.Mutex
	// guarded by mu: the product's end
	in       []byte // to be read
	err      error  // the other end is gone
	closed   bool
	deadline time.Time
	changed  chan struct{}
	partial  []byte       // written, and no whole call yet
	scratch  []byte       // its memory
	way      [][][]string // calls on the way to the node

	// owned by the world's goroutine: the node's end
	calls     [][]string // that arrived and were not served
	serving   bool
	of        uint64    // identifies the first of calls, once it was looked at; 0: not yet
	delayed   bool      // the first of calls has had its delay
	departure time.Time // when the last reply was sent, for their order
	out       []packet
	rung      uint64
	dead      bool // nothing more goes to the product
	channels  map[string]bool
	asking    bool
}

var errReset = errors.New("connection reset by peer")

func (l *link) Read(b []byte) (int, error) {
	for {
		l.mu.Lock()
		var wait <-chan time.Time
		var timer *time.Timer
		switch {
		case l.closed:
			l.mu.Unlock()
			return 0, net.ErrClosed
		case len(l.in) > 0:
			n := copy(b, l.in)
			l.in = l.in[n:]
			l.mu.Unlock()
			return n, nil
		case l.err != nil:
			err := l.err
			l.mu.Unlock()
			return 0, err
		case !l.deadline.IsZero():
			left := time.Until(l.deadline)
			if left <= 0 {
				l.mu.Unlock()
				return 0, os.ErrDeadlineExceeded
			}
			timer = time.NewTimer(left)
			wait = timer.C
		}
		l.mu.Unlock()
		select {
		case <-l.changed:
		case <-wait:
		}
		if timer != nil {
			timer.Stop()
		}
	}
}

func (l *link) signal() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

func (l *link) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, net.ErrClosed
	}
	if l.err != nil {
		return 0, errReset
	}
	l.partial = append(l.partial, b...)
	l.scratch = l.partial[:0]
	var calls [][]string
	for {
		args, n := parseCall(l.partial)
		if n == 0 {
			break
		}
		l.partial = l.partial[n:]
		calls = append(calls, args)
	}
	if len(l.partial) == 0 {
		l.partial = l.scratch
	}
	if len(calls) > 0 {
		l.way = append(l.way, calls)
		of := l.inst.identify(l.node, calls[0])
		l.w.after(l.w.hop(of, 1), of, l.arrive)
	}
	return len(b), nil
}

// parseCall takes one command apart; n is 0 while it is incomplete.
func parseCall(b []byte) (args []string, n int) {
	line := func() (int, bool) {
		i := strings.Index(string(b[n:min(len(b), n+24)]), "\r\n")
		if i < 0 {
			return 0, false
		}
		x, err := strconv.Atoi(string(b[n+1 : n+i]))
		if err != nil {
			panic("not a command: " + string(b[n:]))
		}
		n += i + 2
		return x, true
	}
	if len(b) == 0 {
		return nil, 0
	}
	count, ok := line()
	if !ok {
		return nil, 0
	}
	for range count {
		if n >= len(b) {
			return nil, 0
		}
		size, ok := line()
		if !ok || len(b) < n+size+2 {
			return nil, 0
		}
		args = append(args, string(b[n:n+size]))
		n += size + 2
	}
	return args, n
}

func (l *link) Close() error {
	l.mu.Lock()
	was := l.closed
	l.closed = true
	l.mu.Unlock()
	l.signal()
	if !was {
		l.w.after(l.w.hop(l.id, 2), l.id, l.closedByProduct)
	}
	return nil
}

func (l *link) SetDeadline(t time.Time) error { return l.SetReadDeadline(t) }
func (l *link) SetReadDeadline(t time.Time) error {
	l.mu.Lock()
	if !t.IsZero() {
		t = t.Add(time.Duration(l.id % 4096)) // no two run out at the same moment
	}
	l.deadline = t
	l.mu.Unlock()
	l.signal()
	return nil
}
func (l *link) SetWriteDeadline(time.Time) error { return nil }
func (l *link) LocalAddr() net.Addr              { return address("instance") }
func (l *link) RemoteAddr() net.Addr             { return address("redis") }

type address string

func (a address) Network() string { return "memory" }
func (a address) String() string  { return string(a) }

// receive gives the product bytes, or the end.
func (l *link) receive(data string, err error) {
	l.mu.Lock()
	l.in = append(l.in, data...)
	if err != nil {
		l.err = err
	}
	l.mu.Unlock()
	l.signal()
}

// What follows runs on the world's goroutine.

// arrive takes calls at the node's end. TCP keeps their order.
func (l *link) arrive() {
	l.mu.Lock()
	calls := l.way[0]
	l.way = l.way[1:]
	l.mu.Unlock()
	l.calls = append(l.calls, calls...)
	if !l.serving {
		l.serve()
	}
}

// serve works on the calls one by one, until one has to wait.
func (l *link) serve() {
	l.serving = false
	for len(l.calls) > 0 && !l.dead {
		if wait := l.node.sim.blocked(l); wait > 0 {
			l.resume(wait)
			return
		}
		if l.of == 0 {
			l.of = l.inst.identify(l.node, l.calls[0])
		}
		of := l.of
		f := l.node.sim.faultFor(l, of, l.calls[0])
		if f.late > 0 && !l.delayed {
			l.delayed = true
			l.resume(f.late)
			return
		}
		args := l.calls[0]
		l.calls, l.delayed, l.of = l.calls[1:], false, 0
		if f.refuse != "" && !f.write {
			l.reply(of, "-"+f.refuse+"\r\n", f.slow)
			continue
		}
		if f.lost {
			l.cut()
			return
		}
		deny := ""
		if f.write {
			deny = f.refuse
		}
		answer := l.node.do(l, args, deny)
		l.node.sim.trace("%s n%d %.60q: %.60q", l.inst.name, l.node.index, args, answer)
		if f.twice {
			answer = l.node.do(l, args, deny)
		}
		if f.lostAnswer {
			l.cut()
			return
		}
		l.reply(of, answer, f.slow)
	}
}

func (l *link) resume(wait time.Duration) {
	l.serving = true
	l.w.after(wait+l.w.hop(l.id, l.of, 3), l.id, l.serve)
}

// reply sends to the product, in order.
func (l *link) reply(of uint64, data string, slow time.Duration) {
	if l.dead {
		return
	}
	at := time.Now().Add(l.w.hop(of, 4) + slow)
	if !at.After(l.departure) {
		at = l.departure.Add(time.Duration(1 + l.w.draw(of, 5)%2000))
	}
	l.departure = at
	l.deliver(of, at, data, nil)
}

// deliver has what is next on the way to the product arrive at a moment. Nothing overtakes.
func (l *link) deliver(of uint64, at time.Time, data string, err error) {
	l.out = append(l.out, packet{data, err})
	var arrive func()
	arrive = func() {
		if wait := l.node.sim.held(l); wait > 0 {
			l.w.after(wait+l.w.hop(of, 8), of, arrive)
			return
		}
		p := l.out[0]
		l.out = l.out[1:]
		l.receive(p.data, p.err)
	}
	l.w.at(at, of, arrive)
}

// packet is what travels to the product.
type packet struct {
	data string
	err  error
}

// cut ends the connection for both ends.
func (l *link) cut() {
	if l.dead {
		return
	}
	l.end()
	at := time.Now().Add(l.w.hop(l.id, 6))
	l.deliver(l.id, at, "", io.EOF)
}

// end is the node's end of it.
func (l *link) end() {
	l.dead = true
	l.node.forget(l)
}

// closedByProduct: what it wrote before has arrived, and is served if the node gets to it.
func (l *link) closedByProduct() {
	if l.dead {
		return
	}
	if wait := l.node.sim.blocked(l); wait > 0 || l.serving {
		l.w.after(max(wait, time.Millisecond)+l.w.hop(l.id, 7), l.id, l.closedByProduct)
		return
	}
	l.end()
}
