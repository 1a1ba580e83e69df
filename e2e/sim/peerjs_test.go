package sim_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rejoin-dev/rejoin/internal/peerjs"
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

const peerJSKey = "peerjs"

// caller is one Peer object of a page, by the rules of npm peerjs: an id, and a token of its own. Its page reconnects whenever it is disconnected. It
// belongs to the world's goroutine.
type caller struct {
	sim   *simulation
	name  string // tells it from the others that have its id, and is its token
	place int    // the id, as a number
	id    string
	room  wire.RoomID
	user  string // "" unless the ids of this history have users
	key   uint64

	drawn, tries uint64
	failures     int // attempts in a row without OPEN
	trying       bool
	left         time.Duration // since when it is gone for good; 0: it is not
	offline      time.Duration // until then
	stalled      time.Duration
	stalls       []item
	current      *line
	lines        []*line
	expired      []expiry
	sent         int
}

// line is one connection of a caller, as that sees it.
type line struct {
	caller *caller
	socket *socket
	number int
	began  time.Duration // the attempt
	opened time.Duration // OPEN; 0: not yet
	ended  time.Duration // 0: not yet
	clean  bool          // the page closed it
	sent   int           // letters
	heard  map[*line]int // the last letter from each line, by its number
}

// letter is a message for an id.
type letter struct {
	name string
	kind peerjs.Type
	from *line
	nth  int // of its line
	to   string
	at   time.Duration
	came []arrival
}

type arrival struct {
	on *line
	at time.Duration
}

// expiry is an EXPIRE: a message for that id was not delivered.
type expiry struct {
	id string
	at time.Duration
}

func callerID(place int) string { return fmt.Sprintf("id%d", place) }

// call has a page open a Peer with an id.
func (s *simulation) call(name string, place int, user string) *caller {
	c := &caller{sim: s, name: name, place: place, id: callerID(place), user: user, key: s.w.draw(nameOf(name))}
	c.room = peerjs.RoomOf(peerJSKey, c.id)
	s.callers = append(s.callers, c)
	c.retry(0)
	return c
}

func (c *caller) draw() uint64 { c.drawn++; return c.sim.w.draw(c.key, c.drawn) }

func (c *caller) between(low, high time.Duration) time.Duration {
	return low + time.Duration(c.draw()%uint64(high-low))
}

func (c *caller) after(d time.Duration, f func()) { c.sim.w.after(d, c.key+c.draw()%1024, f) }

func (c *caller) note(format string, args ...any) {
	text := fmt.Sprintf("%s %d ", c.name, len(c.lines)) + fmt.Sprintf(format, args...)
	c.sim.trace("%s", text)
	c.sim.calls = append(c.sim.calls, fmt.Sprint(c.sim.w.now(), text))
}

// hangs is until when it does not read.
func (c *caller) hangs() time.Duration { return c.stalled }

func (c *caller) retry(pause time.Duration) {
	if c.left > 0 || c.trying {
		return
	}
	c.trying = true
	c.after(pause+c.between(0, time.Millisecond), c.attempt)
}

func (c *caller) fail() {
	c.trying = false
	ceiling := 200 * time.Millisecond << min(c.failures, 4)
	c.failures++
	c.retry(c.between(0, ceiling))
}

func (c *caller) attempt() {
	if c.left > 0 {
		return
	}
	if wait := c.offline - c.sim.w.now(); wait > 0 {
		c.trying = false
		c.retry(wait)
		return
	}
	c.tries++
	began := c.sim.w.now()
	inst := c.sim.instances[c.sim.w.draw(c.key, 77, c.tries)%uint64(len(c.sim.instances))]
	c.sim.reach(inst, c.sim.w.hop(c.key, 30, c.tries), c.after, func(late bool) {
		l := c.accept(inst, began)
		if late || c.left > 0 {
			l.socket.drop(true)
			return
		}
		c.trying, c.current = false, l
		c.lines = append(c.lines, l)
		c.note("connects to %s", inst.name)
		c.expectOpen(l, openWithin)
	}, c.fail)
}

// accept is what the edge does with an upgrade.
func (c *caller) accept(inst *instance, began time.Duration) *line {
	s := &socket{sim: c.sim, inst: inst, client: c, id: c.sim.w.draw(c.key, 31, c.tries)}
	inst.sockets = append(inst.sockets, s)
	s.put(frame{kind: frameUpgraded})
	s.session = inst.hub.Open(s, wire.Connect{Room: c.room, Source: wire.Equal, Peer: c.id}, wire.Offer{
		Dialect: wire.PeerJS, Resume: true, Token: c.name,
		Identity: &wire.Identity{User: c.user, TokenID: c.name, Expires: c.sim.w.began.Add(24 * time.Hour)},
	})
	return &line{caller: c, socket: s, number: len(c.lines) + 1, began: began, heard: map[*line]int{}}
}

// openWithin is how long a client may wait for OPEN, or a refusal: an attach, a probe, and another attach that has half as long.
const openWithin = 3*callTimeout + 2*time.Second

// expectOpen watches over a connection that was upgraded: PeerJS itself waits forever.
func (c *caller) expectOpen(l *line, within time.Duration) {
	since := c.sim.w.now()
	c.after(within, func() {
		if c.current != l || l.opened > 0 || l.socket.gone || l.socket.over {
			return
		}
		if c.stalled > since || l.socket.inst.thaws > since {
			c.expectOpen(l, 2*within+25*time.Second)
			return
		}
		c.sim.violate("answer", c.name, "hears neither OPEN nor a refusal on connection %d, for %v", l.number, within)
	})
}

func (c *caller) receive(s *socket, f frame) {
	l := c.lineOf(s)
	if l == nil || c.left > 0 {
		return
	}
	if f.kind == frameUpgraded {
		if c.draw()%4 == 0 { // the library sends as soon as it has a socket
			c.say(1)
		}
		return
	}
	var in struct {
		Type     peerjs.Type
		Src, Dst string
		Payload  struct{ ConnectionID, Msg string }
	}
	if err := json.Unmarshal(f.data, &in); err != nil {
		panic(fmt.Sprintf("%s: %s", err, f.data))
	}
	switch in.Type {
	case "OPEN":
		c.opens(l)
	case "ID-TAKEN":
		c.note("hears that its id is taken")
		c.sim.judgeTaken(l)
		c.leaves(false)
	case "ERROR":
		c.banned()
	case peerjs.Expire:
		c.note("hears that %s expired", in.Src)
		c.expired = append(c.expired, expiry{in.Src, c.sim.w.now()})
	default:
		c.hears(l, in.Type, in.Src, in.Dst, in.Payload.ConnectionID)
	}
}

func (c *caller) lineOf(s *socket) *line {
	i := slices.IndexFunc(c.lines, func(l *line) bool { return l.socket == s })
	if i < 0 {
		return nil
	}
	return c.lines[i]
}

func (c *caller) opens(l *line) {
	if l.opened > 0 {
		c.sim.violate("answer", c.name, "hears OPEN twice on connection %d", l.number)
	}
	l.opened, c.failures = c.sim.w.now(), 0
	c.note("has its id")
	if c.place < len(c.sim.callerAt) {
		c.sim.callerAt[c.place] = c // also one that another one had evicted
	}
	c.beat(l)
}

// beat sends heartbeats, as npm peerjs does.
func (c *caller) beat(l *line) {
	c.after(5*time.Second, func() {
		if c.current == l && c.left == 0 {
			c.write(l, `{"type":"HEARTBEAT"}`)
			c.beat(l)
		}
	})
}

func (c *caller) write(l *line, text string) {
	l.socket.send(func() { l.socket.session.Message([]byte(text)) })
}

// hears takes a message, which has to be one that was sent, for this id, once on this connection and in order.
func (c *caller) hears(l *line, kind peerjs.Type, src, dst, name string) {
	s := c.sim
	c.note("hears %s", name)
	m := s.letters[name]
	if m == nil || m.kind != kind || m.to != c.id || dst != c.id || m.from.caller.id != src {
		s.violate("delivery", c.name, "heard %s %s from %s to %s", kind, name, src, dst)
		return
	}
	s.judgeArrival(m, l)
	l.heard[m.from] = max(l.heard[m.from], m.nth)
	m.came = append(m.came, arrival{l, s.w.now()})
}

// say sends n messages to another id, as far as there is a socket: without one the library forgets them.
func (c *caller) say(n int) {
	to := c.draw() % uint64(len(c.sim.plan.ids)+1) // now and then to one that no client ever has
	if int(to) == c.place {
		return
	}
	for range n {
		c.sayTo(callerID(int(to)))
	}
}

func (c *caller) sayTo(to string) {
	l := c.current
	if l == nil || c.left > 0 || l.socket.gone {
		return
	}
	c.sent++
	l.sent++
	m := &letter{name: fmt.Sprintf("%s#%d", c.name, c.sent), kind: peerjs.Candidate, from: l, nth: l.sent, to: to, at: c.sim.w.now()}
	switch c.draw() % 8 {
	case 0, 1:
		m.kind = peerjs.Offer
	case 2:
		m.kind = peerjs.Answer
	case 3:
		m.kind = peerjs.Leave
	}
	size := 8
	if c.draw()%40 == 0 {
		size = 20 << 10
	}
	c.sim.letters[m.name] = m
	c.sim.posted = append(c.sim.posted, m)
	c.note("sends %s %s to %s", m.kind, m.name, to)
	c.write(l, fmt.Sprintf(`{"type":%q,"dst":%q,"payload":{"connectionId":%q,"sdp":%q}}`, m.kind, to, m.name, strings.Repeat("m", size)))
}

// closed: the connection is gone. code is 0 without a close frame.
func (c *caller) closed(s *socket, code wire.CloseCode) {
	l := c.current
	if l == nil || l.socket != s || c.left > 0 {
		return
	}
	c.note("is closed with %d", code)
	switch code {
	case wire.CloseRemoved, wire.CloseToken:
		c.banned()
		return
	case wire.CloseResumedElsewhere:
		c.sim.judgeEvicted(l)
	}
	c.lost()
}

func (c *caller) lost() {
	if c.current != nil {
		c.current.ended = c.sim.w.now()
		c.current = nil
	}
	if !c.trying {
		c.trying = true
		c.fail()
	}
}

// cut breaks the connection. seen: the server learns at once.
func (c *caller) cut(seen bool) {
	if l := c.current; l != nil {
		l.socket.drop(seen)
		c.lost()
	}
}

// hangUp closes the connection as a page does that leaves, and disconnect().
func (c *caller) hangUp() {
	l := c.current
	if l == nil || l.socket.gone {
		return
	}
	l.clean, l.ended = true, c.sim.w.now()
	l.socket.send(func() { l.socket.end(signaling.Closure{By: signaling.ClosedByClient, Code: wire.CloseNoStatus}) })
	l.socket.gone = true
	c.current = nil
}

// leaves for good, with a close frame, or with what the library calls LEAVE.
func (c *caller) leaves(byMessage bool) {
	if c.left > 0 {
		return
	}
	c.note("leaves")
	if l := c.current; l != nil && byMessage {
		c.write(l, `{"type":"LEAVE"}`)
	}
	c.hangUp()
	c.left = c.sim.w.now()
	c.replace(c.between(time.Second, 6*time.Second))
}

// banned: the operator ended the session, or revoked the token.
func (c *caller) banned() {
	c.note("is banned")
	if l := c.current; l != nil {
		l.socket.drop(true)
		l.ended = c.sim.w.now()
		c.current = nil
	}
	c.left = c.sim.w.now()
	c.replace(c.between(100*time.Millisecond, 5*time.Second))
}

// replace opens a Peer with another token in the place of this one, unless another one has it.
func (c *caller) replace(after time.Duration) {
	s := c.sim
	s.w.after(after, c.key, func() {
		if c.place < len(s.callerAt) && s.callerAt[c.place] == c {
			s.callerAt[c.place] = s.call(c.name+"+", c.place, c.user)
		}
	})
}

// act is what a page does.
func (c *caller) act(i item, lasts time.Duration, key uint64) {
	s := c.sim
	if c.left > 0 {
		return
	}
	switch i.kind {
	case doSend:
		c.say(i.n)
	case doCut:
		c.cut(true)
	case doVanish:
		c.offline = max(c.offline, s.w.now()+lasts)
		c.cut(false)
	case doStall:
		i.at, i.lasts = s.w.now(), min(lasts, 2*pingInterval-time.Second) // beyond that the edge closes it
		c.stalls = append(c.stalls, i)
		c.stalled = max(c.stalled, s.w.now()+i.lasts)
	case doAgain:
		c.cut(false) // half-open: the server still has the old socket
	case doFlap:
		for k, at := uint64(0), time.Duration(0); k < uint64(i.n); k++ {
			s.w.after(at, key+k, func() { c.cut(s.w.chance(0.5, key, k)) })
			at += 50*time.Millisecond + time.Duration(s.w.draw(key, k, 1)%uint64(3*time.Second))
		}
	case doRefresh:
		c.hangUp()
		c.lost()
	case doLeave:
		c.leaves(s.w.chance(0.5, key))
	case doQuit:
		if s.w.chance(0.5, key) {
			c.cut(s.w.chance(0.5, key, 1))
		}
		c.leaves(false)
	case doRemove:
		s.operator(key).Remove(c.room.String(), peerjs.ClientOf(c.room).String(), func(int, error) {})
	case doRevoke:
		s.revoke(c.name, key)
	case doRival:
		user := c.user
		if user != "" && s.w.chance(0.5, key, 2) {
			user = "another"
		}
		s.call(fmt.Sprintf("%s-rival%d", c.name, i.number), c.place, user)
	}
}
