package protocol

import (
	"bytes"
	"strconv"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/swarm"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// How often a rejoin.v1 client acknowledges, as the SDK does.
const (
	ackMessages = 16
	ackAfter    = int64(time.Second)
)

// rejoin is a client of Rejoin.
type rejoin struct {
	target  string // of the request
	letters *traffic.Letters
	v1      bool

	peer  [36]byte
	known bool // peer is
	been  bool // connected before
	ready bool // this connection is, or was
	token string

	// rejoin.v1: the last entry that was accepted, how many are not acknowledged, and since when the first of them is not.
	entry      [44]byte
	entries    uint8 // the length of entry
	unacked    uint8
	epoch, seq uint64 // of entry
	since      int64
}

func (r *rejoin) Upgrade(host string) []byte {
	protocols := ""
	if r.v1 {
		protocols = "rejoin.v1"
	}
	if r.token != "" {
		protocols += ", rejoin.resume." + r.token
		if r.entries > 0 {
			protocols += ", rejoin.after." + string(r.entry[:r.entries])
		}
	}
	return swarm.Request(host, r.target, protocols)
}

func (r *rejoin) Opened(Conn) {
	r.ready, r.unacked = false, 0
	if !r.v1 {
		r.known = false
	}
}

func (r *rejoin) Read(c Conn, b []byte, now int64, to Listener) {
	switch traffic.KindOf(b) {
	case traffic.Data:
		r.data(c, b, now, to)
	case traffic.Confirmation:
		if s, ok := traffic.ConfirmedStamp(b); ok {
			to.Confirmed(s)
			return
		}
		to.Unexpected(b)
	case traffic.Session:
		r.session(c, b, to)
	case traffic.PeerIsHere:
		r.meet(traffic.Field(b, "remoteClientId"), Fresh, b, to)
	case traffic.PeerLeft:
		if r.known && bytes.Equal(traffic.Field(b, "remoteClientId"), r.peer[:]) {
			r.known = false
			to.Unready()
		}
	case traffic.PeerAway:
	case traffic.Refusal:
		r.refused(b, to)
	case traffic.GoAway:
		ms, err := strconv.Atoi(string(traffic.Field(b, "reconnectInMs")))
		if err != nil {
			to.Unexpected(b)
			return
		}
		to.GoAway(time.Duration(ms) * time.Millisecond)
	default:
		to.Unexpected(b)
	}
}

// session takes a session frame. A resumed client acknowledges at once (R4.4).
func (r *rejoin) session(c Conn, b []byte, to Listener) {
	resumes := r.token != ""
	r.token = string(traffic.Field(b, "resumeToken"))
	if resumes && string(traffic.Field(b, "resumed")) == "true" {
		if r.entries == 0 {
			r.entries = uint8(copy(r.entry[:], "0-0"))
		}
		r.ack(c)
		r.ready = true
		if r.known = !bytes.Contains(b, []byte(`"peers":[]`)); r.known { // R1.4
			copy(r.peer[:], traffic.Field(b, "remoteClientId"))
			to.Ready(Resumed)
		}
		return
	}
	how := Fresh
	if resumes { // a new session, R3.4
		how = Broken
		r.known, r.entries, r.epoch, r.seq = false, 0, 0, 0
	}
	r.been = true
	if id := traffic.Field(b, "remoteClientId"); id != nil {
		r.meet(id, how, b, to)
	}
}

// meet takes the peer's ID.
func (r *rejoin) meet(id []byte, how Continuity, b []byte, to Listener) {
	if len(id) != len(r.peer) {
		to.Unexpected(b)
		return
	}
	if !r.v1 && r.been && !r.ready {
		how = Resumed // S2.2, or S2.7: the plain dialect does not say which
	}
	copy(r.peer[:], id)
	r.known, r.ready, r.been = true, true, true
	to.Ready(how)
}

func (r *rejoin) data(c Conn, b []byte, now int64, to Listener) {
	s, ok := traffic.DataStamp(b)
	if !ok {
		to.Unexpected(b)
		return
	}
	if r.v1 {
		epoch, seq, ok := entryOf(traffic.EntryID(b))
		switch {
		case !ok:
			to.Unexpected(b)
			return
		case epoch < r.epoch || epoch == r.epoch && seq <= r.seq:
			return // R2.2
		}
		r.epoch, r.seq = epoch, seq
		r.entries = uint8(copy(r.entry[:], traffic.EntryID(b)))
		if r.unacked++; r.unacked == 1 {
			r.since = now
		}
		if r.unacked == ackMessages {
			r.ack(c)
		}
	}
	to.Message(s)
}

// entryOf reads an entry ID, R2.1.
func entryOf(id []byte) (epoch, seq uint64, ok bool) {
	before, after, found := bytes.Cut(id, []byte{'-'})
	epoch, err1 := strconv.ParseUint(string(before), 10, 64)
	seq, err2 := strconv.ParseUint(string(after), 10, 64)
	return epoch, seq, found && err1 == nil && err2 == nil && len(id) <= 44
}

// refused takes the answer that a message was not stored.
func (r *rejoin) refused(b []byte, to Listener) {
	s, ok := traffic.ParseStamp(traffic.Field(b, "requestId"))
	if !ok {
		to.Unexpected(b)
		return
	}
	wait := time.Duration(-1)
	if ms, err := strconv.Atoi(string(traffic.Field(b, "retryInMs"))); err == nil {
		wait = time.Duration(ms) * time.Millisecond
	}
	to.Refused(s, wait)
}

func (r *rejoin) Send(c Conn, s traffic.Stamp) { c.Send(r.letters.Fill(s, &r.peer)) }

func (r *rejoin) Tick(c Conn, now int64) {
	if r.unacked > 0 && now-r.since >= ackAfter {
		r.ack(c)
	}
}

func (r *rejoin) ack(c Conn) {
	var text [80]byte
	c.Send(traffic.AppendAck(text[:0], r.entry[:r.entries]))
	r.unacked = 0
}
