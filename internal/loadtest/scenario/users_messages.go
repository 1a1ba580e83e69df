//go:build linux

package scenario

import (
	"fmt"
	"strconv"

	"github.com/rejoin-dev/rejoin/internal/loadtest/swarm"
	"github.com/rejoin-dev/rejoin/internal/loadtest/traffic"
)

// Message implements swarm.Handler.
func (u *users) Message(conn *swarm.Conn, b []byte) {
	i := conn.Tag
	x := &u.all[i]
	switch traffic.KindOf(b) {
	case traffic.Data:
		u.receive(i, b)
	case traffic.Confirmation:
		u.confirm(x, b)
	case traffic.Session:
		u.session(i, b)
	case traffic.PeerIsHere:
		u.meet(i, b)
	case traffic.Refusal:
		u.now.Tally.Refused++
		u.note(string(b))
		u.answered(x)
	case traffic.PeerLeft:
		u.part(x, b)
	case traffic.PeerAway:
		if u.cuts == 0 {
			u.unexpected("nobody was away", b)
		}
	default:
		u.unexpected("unknown", b)
	}
}

// meet takes the peer's ID. A plain client that came back may be told of its peer's old connection first.
func (u *users) meet(i int, b []byte) {
	x := &u.all[i]
	id := traffic.Field(b, "remoteClientId")
	if len(id) != len(x.target) || x.known && u.cuts == 0 {
		u.unexpected("who is there", b)
		return
	}
	copy(x.target[:], id)
	x.known = true
	if u.Dialect == traffic.Plain && x.where == opened {
		u.enter(i)
		return
	}
	u.begin(i / 2)
}

// part takes leave of a peer: of a plain extension that was cut. What waits in a mailbox keeps everybody else.
func (u *users) part(x *user, b []byte) {
	if u.cuts == 0 || u.Dialect == traffic.RejoinV1 {
		u.unexpected("nobody left", b)
		return
	}
	if string(traffic.Field(b, "remoteClientId")) == string(x.target[:]) {
		x.known = false
	}
}

// session takes a session frame. A resumed client acknowledges at once (R4.4) and sends again what has no answer (R3.6).
func (u *users) session(i int, b []byte) {
	x := &u.all[i]
	resumes := x.token != ""
	x.token = string(traffic.Field(b, "resumeToken"))
	if !resumes {
		if traffic.Field(b, "remoteClientId") != nil {
			u.meet(i, b)
		}
		u.enter(i)
		return
	}
	replay, err := strconv.Atoi(string(traffic.Field(b, "replay")))
	if err != nil || string(traffic.Field(b, "resumed")) != "true" {
		u.now.Tally.Failed++
		x.conn.Close(1000)
		u.now.Opened--
		u.lose(x, fmt.Sprintf("not resumed: %s", traffic.Field(b, "reason")))
		return
	}
	x.replay = replay
	if x.entries == 0 {
		x.entries = uint8(copy(x.entry[:], "0-0"))
	}
	x.ack()
	for _, s := range x.outbox {
		u.write(i, s)
	}
	u.enter(i)
}

func (u *users) receive(i int, b []byte) {
	x, now := &u.all[i], u.loop.Now()
	s, ok := traffic.DataStamp(b)
	switch {
	case !ok:
		u.unexpected("no stamp", b)
		return
	case s.Sender != u.sender(i^1):
		u.now.Tally.Misdirected++
		return
	}
	before := u.now.Tally.Received
	x.ledger.Take(s.Seq, &u.now.Tally)
	name := latOneWay
	if s.Due < max(x.since, u.all[i^1].since) { // one of the two was away
		name = latWaited
	}
	u.now.record(name, now-s.Due)
	if u.Dialect == traffic.RejoinV1 && !x.acknowledge(traffic.EntryID(b), now) {
		u.unexpected("no entry ID", b)
	}
	if x.replay > 0 {
		if x.replay--; x.replay == 0 && x.cut {
			u.back(x)
		}
	}
	if u.now.Tally.Received > before {
		u.progress(i, s, now)
	}
}

func (u *users) confirm(x *user, b []byte) {
	s, ok := traffic.ConfirmedStamp(b)
	if !ok || s.Seq != x.confirmed { // answers of one kind come in the order of the messages, P5.5
		u.unexpected("confirmed out of order", b)
	}
	u.now.Tally.Confirmed++
	if s.Due >= x.since {
		u.now.record(latConfirm, u.loop.Now()-s.Due)
	}
	u.answered(x)
}

// answered crosses out the oldest message without an answer.
func (u *users) answered(x *user) {
	x.confirmed++
	if len(x.outbox) > 0 {
		x.outbox = x.outbox[:copy(x.outbox, x.outbox[1:])]
	}
}

// send sends a user's next message.
func (u *users) send(i int, due int64) {
	x := &u.all[i]
	s := traffic.Stamp{Seq: x.seq, Sender: u.sender(i), Due: due, Written: u.loop.Now()}
	x.seq++
	u.now.Tally.Sent++
	if u.Dialect == traffic.RejoinV1 {
		x.outbox = append(x.outbox, s)
	}
	u.write(i, s)
}

// write writes a message; the same stamp gives the same message.
func (u *users) write(i int, s traffic.Stamp) {
	x, letters := &u.all[i], &u.letters[i%2]
	switch {
	case !u.opens(s):
		x.conn.Send(letters.Candidate(s, &x.target))
	case i%2 == int(traffic.Wallet):
		x.conn.Send(letters.Answer(s, &x.target))
	default:
		x.conn.Send(letters.Offer(s, &x.target))
	}
}
