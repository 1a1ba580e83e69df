//go:build linux

package scenario

import (
	"fmt"
	"strconv"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/swarm"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
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
		u.refused(i, b)
	case traffic.PeerLeft:
		u.part(x, b)
	case traffic.PeerAway:
		if u.cuts == 0 {
			u.unexpected("no user was away", b)
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

// part forgets a peer that is gone: a plain extension that was cut. All others keep their sessions, and their mailboxes.
func (u *users) part(x *user, b []byte) {
	if u.cuts == 0 || u.Dialect == traffic.RejoinV1 {
		u.unexpected("no user left", b)
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
	u.resend(i)
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
	if !ok || !u.answered(x, s.Seq) {
		if !x.repeats { // what was sent twice is confirmed twice
			u.unexpected("confirmed what was not sent", b)
		}
		return
	}
	if s.Seq < x.confirmed && !x.repeats { // answers of one kind come in the order of the messages, P5.5
		u.unexpected("confirmed out of order", b)
	}
	x.confirmed = s.Seq + 1
	u.now.Tally.Confirmed++
	if s.Due >= x.since {
		u.now.record(latConfirm, u.loop.Now()-s.Due)
	}
}

// refused takes the answer that a message was not stored. A rejoin.v1 client that is told when to retry does so (R6.3).
func (u *users) refused(i int, b []byte) {
	x := &u.all[i]
	wait, err := strconv.Atoi(string(traffic.Field(b, "retryInMs")))
	if err == nil && u.Dialect == traffic.RejoinV1 {
		u.now.Repeated++
		if !x.waits {
			x.waits, x.repeats = true, true
			u.repeats.add(u.loop.Now()+int64(wait)*int64(time.Millisecond), i)
		}
		return
	}
	if s, ok := traffic.ParseStamp(traffic.Field(b, "requestId")); !ok || !u.answered(x, s.Seq) {
		u.unexpected("refused what was not sent", b)
		return
	}
	u.now.Tally.Refused++
	u.note(string(b))
}

// answered crosses out a message that waits for its answer, and reports whether there was one.
func (u *users) answered(x *user, seq uint32) bool {
	for i, s := range x.outbox {
		if s.Seq == seq {
			x.outbox = append(x.outbox[:i], x.outbox[i+1:]...)
			return true
		}
	}
	return false
}

// repeat sends again, in order, what has no answer, for the users whose time has come.
func (u *users) repeat(now int64) int64 {
	for u.repeats.next() <= now {
		i := u.repeats.take().user
		u.all[i].waits = false
		u.resend(i)
	}
	return u.repeats.next()
}

func (u *users) resend(i int) {
	for _, s := range u.all[i].outbox {
		u.write(i, s)
	}
}

// send sends a user's next message.
func (u *users) send(i int, due int64) {
	x := &u.all[i]
	s := traffic.Stamp{Seq: x.seq, Sender: u.sender(i), Due: due, Written: u.loop.Now()}
	x.seq++
	u.now.Tally.Sent++
	x.outbox = append(x.outbox, s)
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
