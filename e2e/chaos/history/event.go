package history

import (
	"sync"
	"time"
)

// Kind says what happened.
type Kind uint8

// What a client can see, or do.
const (
	// Opened: a connection is open. rejoin.v1: Self is the session, Resumed whether it is an old one, Peers who is there.
	Opened Kind = iota
	// Fenced: the server said that another connection has the session of this one.
	Fenced
	// Sent: Message is handed over for Peer.
	Sent
	// Confirmed: the server said that Message is stored.
	Confirmed
	// Refused: the server said that Message is not stored. To a plain sender that can also mean: not known.
	Refused
	// Unanswered: the wait for the answer to Message ended without one.
	Unanswered
	// Delivered: Message came from Peer.
	Delivered
	// Acked: Message was handled, and is going to be acknowledged.
	Acked
	// Undelivered: the server said that Peer's session ended without Message.
	Undelivered
	// Expired: the server said that the TTL of Message is over, and Peer does not get it any more.
	Expired
	// Doubted: the server said that the store was replaced, and Message may be lost.
	Doubted
	// Announced: Peer is there.
	Announced
	// Gone: Peer's session has ended.
	Gone
	// Left: the client ended its session by itself.
	Left
	// Vanished: the client is gone for good, without a word to the server.
	Vanished
)

func (k Kind) String() string {
	return [...]string{
		"opened", "fenced", "sent", "confirmed", "refused", "unanswered", "delivered", "acked", "undelivered", "expired", "doubted", "announced", "gone", "left", "vanished",
	}[k]
}

// Member is one client over all of its connections and sessions.
type Member struct {
	Name, Room, Role string
	// Target is the role of its peers; "" for a wallet and an extension, which are each other's.
	Target string
	Plain  bool
	// Kept: a plain client that is waited for, and replayed to.
	Kept bool
}

// hasPeer reports whether two members are peers: each one's role is the other's target.
func (m Member) hasPeer(other Member) bool {
	if m.Room != other.Room || m.Name == other.Name {
		return false
	}
	if m.Target == "" && other.Target == "" {
		return m.Role != other.Role
	}
	return m.Role == other.Target && m.Target == other.Role
}

// Event is one thing a member saw or did.
type Event struct {
	At      time.Duration // since the beginning of the history
	Kind    Kind
	Member  string
	Conn    int           // which of the member's connections, rising
	Peer    string        // client ID of the other side
	Message string        // unique in the history
	TTL     time.Duration // Sent: how long the message may be delivered; 0: no end
	Self    string        // own client ID (Opened, rejoin.v1)
	Resumed bool
	Peers   []string
	Repeat  bool          // Delivered: the client knows it by its entry, and drops it
	Began   time.Duration // Opened: when the attempt was made; 0: a moment ago
}

// Log gathers the events of all members in the order in which they happened. It is safe for concurrent use.
type Log struct {
	began time.Time

	mu sync.Mutex
	// guarded by mu
	members []Member
	events  []Event
	changed chan struct{} // closed and replaced with each event
}

// NewLog begins a history.
func NewLog() *Log { return &Log{began: time.Now(), changed: make(chan struct{})} }

// Join makes a member known. It has to be called before the member's first event.
func (l *Log) Join(m Member) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.members = append(l.members, m)
}

// Add records an event, now.
func (l *Log) Add(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.At = time.Since(l.began)
	l.events = append(l.events, e)
	close(l.changed)
	l.changed = make(chan struct{})
}

// Now is the time on the history's clock.
func (l *Log) Now() time.Duration { return time.Since(l.began) }

// History returns what was recorded so far. The slices are not to be changed.
func (l *Log) History() ([]Member, []Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.members[:len(l.members):len(l.members)], l.events[:len(l.events):len(l.events)]
}

// Changed is closed when the next event is recorded.
func (l *Log) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}
