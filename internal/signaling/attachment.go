package signaling

import (
	"encoding/hex"
	"slices"
	"time"
	"unique"

	"go.opentelemetry.io/otel/trace"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

type state uint8

const (
	attaching state = iota
	live
	closed
	sentAway // closed, but messages the client sent before it knew are still stored
)

// todo is the next step after the pending call or the pause. The greater one wins.
type todo uint8

const (
	todoNothing todo = iota
	todoSync         // the answer of that call may be stale
	todoRestore      // the primary changed, or lost the session
)

// proof is the state of the ping that checks whether delivered entries arrived.
type proof uint8

const (
	proofNone proof = iota
	proofPending
	proofLater // to be sent later, also covering entries delivered until then
)

// number is a session number, the one that fences. Its text is 16 hex digits (streams.NewSession).
type number [8]byte

const numberTextLen = 16

// parseNumber returns the zero number, which no session has, for malformed text.
func parseNumber(text string) (n number) {
	if len(text) == numberTextLen {
		_, _ = hex.Decode(n[:], view(text))
	}
	return n
}

func (n number) appendText(dst []byte) []byte { return hex.AppendEncode(dst, n[:]) }

func (n number) String() string { return hex.EncodeToString(n[:]) }

// Attachment is one connection's hold on a session. There are many and nearly all are idle, so it is small, and rarely needed state is
// behind a pointer.
type Attachment struct {
	// Set by Open.
	hub     *Hub
	conn    Conn
	room    wire.RoomID
	sid     number
	opened  uint32 // Hub.seconds
	side    byte   // one of the two roles of the plain dialect; 0: another role, see role
	dialect wire.Dialect

	// Guarded by the shard's mutex from here on.
	state     state
	catching  bool // delivers from pages, not from doorbells
	syncing   bool // a Sync or Restore is under way
	replaying bool // catching up for the first time after a resume
	paused    bool // until a timer fires: after a replayed offer, or before Redis is asked again
	todo      todo
	proof     proof    // of the entries delivered to a plain client
	flushing  flushing // of acked
	orderAnew bool     // plain: the next message names no predecessor, see order.go
	unflushed uint8    // entries acknowledged since the position was flushed, at most flushEntries
	sends     uint32
	flushed   uint32 // when the position was last flushed, Hub.now

	next    *Attachment // of the same room
	id      wire.ClientID
	epoch   uint64
	version uint32          // of the room, up to which presence was seen
	out     uint32          // messages delivered
	last    streams.EntryID // delivered
	acked   streams.EntryID // acknowledged, or for plain clients proven
	peers   []peer          // oldest first
	extra   *extra          // nil for a plain session that is live and never caught up
}

// extra is the state that few sessions need.
type extra struct {
	opening *opening  // while attaching
	other   wire.Role // unless side says it
	// want is the latest entry announced by a doorbell since the mailbox was last read.
	want streams.EntryID
	// page is the number in the ping whose pong asks for the next page; 0: none pending.
	page      uint32
	rotating  bool           // was asked to reconnect
	expiring  bool           // was told that its token expires
	who       *wire.Identity // the token's identity; nil for a client without a token
	tokenHash string
	// olderTokenHash is that of the token shown for a resume, until the client has spoken on this connection.
	olderTokenHash string
	probes         []probeRequest
	chain          chain              // rejoin.v1: see order.go
	fenced         bool               // another connection's doorbell has arrived
	withheld       [][]byte           // answers to messages that Redis refused because another connection has the session
	connect        *trace.SpanContext // of this connection, if it is traced
	late           lateMail           // rejoin.v1
	// settled is when sessions that Redis lost count as gone.
	settled time.Time
	posts   *posts // of a PeerJS client
}

// opening is the state of an attachment until attach has answered.
type opening struct {
	request streams.Attach
	refusal string           // why a resume was refused before Redis was asked
	shown   wire.ResumeToken // by the client
	fresh   wire.ResumeToken // the next token, if the session is new
	resumed wire.ResumeToken // the next token, if it is resumed
	bells   []streams.Bell   // presence and probes, applied when it is live
	inbox   [][]byte
	arrived time.Time // the first of the inbox
	bytes   int
	asked   bool       // whether it is still there, see askStillHere
	closure *Closure   // the connection is gone already
	evicted endReason  // unless empty, why the session must end
	fenced  string     // the client whose session another connection took from this one
	span    trace.Span // nil: not traced
}

// peer is a client that this one may send to, as this session knows it.
type peer struct {
	id            wire.ClientID
	session       number
	instance      unique.Handle[string]
	user          unique.Handle[string] // the zero handle for a peer without a user
	suspended     bool
	announced     bool // this session was told of it
	toldSuspended bool // ... that it is suspended
}

const (
	openingMessages = 128
	openingBytes    = 512 << 10
	offerPause      = 100 * time.Millisecond // iOS loses candidates that overtake its new peer connection
	syncRetry       = time.Second
	staleRetry      = 20 * time.Millisecond // a doorbell overtook the answer of Sync
)

func (a *Attachment) shard() *shard { return a.hub.shard(a.room) }

func (a *Attachment) ref() streams.SessionRef {
	return streams.SessionRef{Room: a.room.String(), Client: a.id.String(), Session: a.sid.String()}
}

func (a *Attachment) ensureExtra() *extra {
	if a.extra == nil {
		a.extra = &extra{}
	}
	return a.extra
}

// opening returns the state of an attaching session. The shard is locked.
func (a *Attachment) opening() *opening { return a.extra.opening }

// keeps reports whether the session survives a lost connection.
func (a *Attachment) keeps() bool {
	return a.dialect != wire.Plain || slices.Contains(a.hub.cfg.ResumeRoles, a.role())
}

// role is one letter for the two common roles, to keep sessions small.
func (a *Attachment) role() wire.Role {
	switch {
	case a.side == 'w':
		return wire.Wallet
	case a.side == 'e':
		return wire.Extension
	case a.extra != nil:
		return a.extra.other
	}
	return wire.Role{}
}

func (a *Attachment) setRole(r wire.Role) {
	if r.IsPlain() {
		a.side = r.Text()[0]
		return
	}
	a.ensureExtra().other = r
}

// proves reports whether pings prove that deliveries to this session arrived. For other plain clients, written counts as delivered
// (PROTOCOL.md part 3).
func (a *Attachment) proves() bool { return a.dialect != wire.RejoinV1 && a.keeps() }

func (a *Attachment) peer(id wire.ClientID) *peer {
	for i := range a.peers {
		if a.peers[i].id == id {
			return &a.peers[i]
		}
	}
	return nil
}

func (a *Attachment) dropPeer(id wire.ClientID) {
	for i := range a.peers {
		if a.peers[i].id == id {
			a.peers = append(a.peers[:i], a.peers[i+1:]...)
			break
		}
	}
	if len(a.peers) == 0 {
		a.peers = nil
	}
}

// sendFrame queues a frame built by f in the shard's scratch. The shard is locked.
func (a *Attachment) sendFrame(f func(dst []byte) []byte) {
	sh := a.shard()
	sh.frame = f(sh.frame[:0])
	a.conn.Send(sh.frame)
}

// user is the session's user, "" if the client has none.
func (a *Attachment) user() string {
	if a.extra == nil || a.extra.who == nil {
		return ""
	}
	return a.extra.who.User
}

// sendJoined announces that a peer joined the room; rejoin.v1 clients are also told its user.
func (a *Attachment) sendJoined(p *peer) {
	if a.dialect != wire.RejoinV1 {
		a.sendPeer(wire.JustConnected, p.id)
		return
	}
	a.hub.metrics.announced.Inc()
	a.sendFrame(func(dst []byte) []byte { return wire.AppendJoined(dst, p.id, p.name()) })
}

// name is the user of a peer, "" if it has none.
func (p *peer) name() string {
	if p.user == (unique.Handle[string]{}) {
		return ""
	}
	return p.user.Value()
}

func (a *Attachment) sendPeer(info wire.PeerInfo, id wire.ClientID) {
	a.hub.metrics.announced.Inc()
	a.sendFrame(func(dst []byte) []byte { return wire.AppendPeer(dst, info, id) })
}
