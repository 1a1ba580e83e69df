package suite

import (
	"slices"
	"time"
)

func plainReplayChecks() []check {
	return []check{
		{"plain wallet: comes back to the other instance as if it had never left", "S1.1 S2.1 S2.2 S2.3 S2.4", plainReturns},
		{"plain wallet: a close frame is a leave", "S2.1", plainCloseLeaves},
		{"plain wallet: not announced while it waits, and then as new", "S2.4", plainNewcomer},
		{"plain wallet: while it waits, a session that resumes is told of it and a fresh one is not", "S2.10", plainWaits},
		{"plain wallet: what a pong has proven does not come again, the rest does", "S2.6", plainPong},
		{"plain wallet: after a replayed offer the next entry waits", "S2.5", plainPace},
		{"plain wallet: takes over from a connection that answers no ping", "S2.9", plainHalfOpen},
		{"plain wallet: two that wait are not confused", "S2.2", plainTwoWait},
		{"plain extension: starts from scratch", "S2.7", plainExtension},
		{"plain wallet: the end of its window", "S2.8 R5.6", plainWindowEnd},
	}
}

// trio is a plain wallet on A, the plain extension it talks to on A, and on B a rejoin.v1 extension: the witness that hears when the
// wallet is missed.
type trio struct {
	wal, ext, witness *socket
	walID, extID      string
	witnessS          session
}

func (p *probe) trio() trio {
	t := trio{ext: p.plain(p.a, extension).settled()}
	t.witness, t.witnessS = p.rejoin(p.b, extension)
	t.witness.settled()
	t.wal = p.plain(p.a, wallet)
	t.extID = t.wal.peer("IsAlreadyConnected")
	t.wal.want(peerInfo("IsAlreadyConnected", t.witnessS.ClientID))
	t.walID = t.ext.peer("JustConnected")
	t.witness.want(peerInfo("JustConnected", t.walID))
	return t
}

// lose resets the wallet's connection and waits until the witness has heard of it.
func (t *trio) lose() {
	t.wal.drop()
	t.witness.want(peerInfo("Suspended", t.walID))
}

// comeBack joins as a wallet and reads the announcements: all peers, and nothing but them, come first.
func (t *trio) comeBack(base string) {
	p := t.ext.p
	t.wal = p.plain(base, wallet)
	ids := []string{t.wal.peer("IsAlreadyConnected"), t.wal.peer("IsAlreadyConnected")}
	if !slices.Contains(ids, t.extID) || !slices.Contains(ids, t.witnessS.ClientID) {
		p.fail("announced %v, want %s and %s", ids, t.extID, t.witnessS.ClientID)
	}
	t.witness.want(peerInfo("Resumed", t.walID))
}

func plainReturns(p *probe) {
	t := p.trio()
	known := map[string]bool{}
	for _, base := range []string{p.b, p.a} {
		t.lose()
		missed := t.ext.sends(t.walID, candidates(5)...)
		t.comeBack(base)
		e := t.wal.data()
		for ; known[e.RequestID]; e = t.wal.data() { // at least once: no pong may have proven it (S2.6)
			delete(known, e.RequestID)
		}
		want(p, "request id of the data", e.RequestID, missed[0])
		t.wal.wantData(missed[1:]...)
		want(p, "sender", e.From, t.extID)
		want(p, "entry id for a plain client", e.ID, "")
		// The extension knows it by its id, and has heard nothing.
		want(p, "client id", t.ext.fence(t.extID, t.wal).From, t.walID)
		known[t.wal.fence(t.walID, t.ext).RequestID] = true
		for _, id := range missed {
			known[id] = true
		}
	}
}

func plainCloseLeaves(p *probe) {
	t := p.trio()
	for _, code := range []int{1001, 0, 1000, 4000} {
		t.wal.leave(code)
		t.ext.want(peerInfo("Disconnected", t.walID))
		t.witness.want(peerInfo("Disconnected", t.walID))
		old := t.walID
		t.wal = p.plain(p.b, wallet)
		t.wal.peer("IsAlreadyConnected")
		t.wal.peer("IsAlreadyConnected")
		t.walID = t.ext.peer("JustConnected")
		t.witness.want(peerInfo("JustConnected", t.walID))
		if t.walID == old {
			p.fail("the client id outlived a leave")
		}
	}
}

func plainNewcomer(p *probe) {
	t := p.trio()
	t.lose()
	late := p.plain(p.b, extension).settled()
	t.wal = p.plain(p.b, wallet)
	for range 3 {
		t.wal.peer("IsAlreadyConnected")
	}
	late.want(peerInfo("JustConnected", t.walID))
	t.witness.want(peerInfo("Resumed", t.walID))
	t.ext.fence(t.extID, t.wal)
}

func plainWaits(p *probe) {
	t := p.trio()
	t.lose()
	t.witness.drop()
	fresh, freshS := p.rejoin(p.a, extension)
	want(p, "session frame of a fresh session", freshS.raw, frameWith(freshS, `"resumed":false`, ""))
	t.witness, t.witnessS = p.resume(p.b, extension, t.witnessS, "")
	want(p, "session frame of a resume", t.witnessS.raw,
		frameWith(t.witnessS, `"resumed":true,"replay":0,"superseded":0`, peerState(t.walID, "suspended")))
	id := t.witness.send("iceCandidate", t.walID)
	t.wal = p.plain(p.b, wallet)
	for range 3 {
		t.wal.peer("IsAlreadyConnected")
	}
	t.witness.want(peerInfo("Resumed", t.walID))
	fresh.want(peerInfo("JustConnected", t.walID))
	t.wal.wantData(id)
}

func plainPong(p *probe) {
	t := p.trio()
	t.wal.deaf.Store(true)
	unproven := t.ext.sends(t.walID, candidates(3)...)
	t.wal.wantData(unproven...)
	t.lose()
	t.comeBack(p.b)
	t.wal.wantData(unproven...)
	t.wal.awaitPing() // answered by the listener
	// The pong is taken in before what follows it on the same connection.
	t.wal.settled()
	t.lose()
	t.comeBack(p.a)
	t.wal.fence(t.walID, t.ext)
}

// awaitPing reads up to the next ping; no message may come before.
func (s *socket) awaitPing() {
	for {
		f := s.frame()
		s.p.must(f.err, "await a ping")
		switch f.op {
		case opPing:
			return
		case opPong:
		default:
			s.p.fail("got %s, want a ping", f.payload)
		}
	}
}

// plainPace measures at the receiver, where the first entry may be late: the wait counts as proven when one of several tries
// shows it. Without it all of them would arrive together.
func plainPace(p *probe) {
	const tries, least = 5, 80 * time.Millisecond
	t := p.trio()
	var gaps []time.Duration
	for range tries {
		t.lose()
		ids := t.ext.sends(t.walID, "offer", "iceCandidate")
		t.comeBack(p.b)
		t.wal.wantLast(ids[0])
		began := time.Now()
		t.wal.wantData(ids[1])
		if gaps = append(gaps, time.Since(began)); gaps[len(gaps)-1] >= least {
			return
		}
	}
	p.fail("the entry after a replayed offer came %v after it", gaps)
}

// wantLast reads data up to the one with that request id.
func (s *socket) wantLast(requestID string) {
	for s.data().RequestID != requestID {
	}
}

func plainHalfOpen(p *probe) {
	t := p.trio()
	t.wal.deaf.Store(true) // the network has forgotten it, and neither side has noticed
	missed := t.ext.sends(t.walID, candidates(3)...)
	t.wal = p.plain(p.b, wallet)
	t.wal.peer("IsAlreadyConnected")
	t.wal.peer("IsAlreadyConnected")
	t.wal.wantData(missed...)
	want(p, "client id", t.ext.fence(t.extID, t.wal).From, t.walID)
}

func plainTwoWait(p *probe) {
	t := p.trio()
	other := p.plain(p.b, wallet)
	other.peer("IsAlreadyConnected")
	other.peer("IsAlreadyConnected")
	otherID := t.ext.peer("JustConnected")
	t.witness.want(peerInfo("JustConnected", otherID))
	t.lose()
	other.drop()
	t.witness.want(peerInfo("Suspended", otherID))
	third := p.plain(p.a, wallet)
	third.peer("IsAlreadyConnected")
	third.peer("IsAlreadyConnected")
	id := t.ext.peer("JustConnected")
	if id == t.walID || id == otherID {
		p.fail("one of two waiting clients was taken over")
	}
	third.fence(id, t.ext)
}

func plainExtension(p *probe) {
	r := p.pair()
	r.ext.drop()
	r.wal.want(peerInfo("Disconnected", r.extID))
	id := p.requestID()
	r.wal.text(message(id, "offer", r.extID, "e"))
	r.wal.want(missing(id))
	ext := p.plain(p.b, extension)
	ext.want(peerInfo("IsAlreadyConnected", r.walID))
	fresh := r.wal.peer("JustConnected")
	if fresh == r.extID {
		p.fail("a plain extension came back under its old id")
	}
	ext.fence(fresh, r.wal)
}

func plainWindowEnd(p *probe) {
	t := p.trio()
	p.needShortGrace(t.witnessS)
	t.lose()
	lost := t.witness.send("iceCandidate", t.walID)
	t.witness.want(`{"info":"remoteClientDisconnected","remoteClientId":"` + t.walID + `","undelivered":["` + lost + `"]}`)
	t.ext.want(peerInfo("Disconnected", t.walID))
	// With a newer live wallet in the room a plain extension is not told.
	first := p.plain(p.a, wallet)
	first.peer("IsAlreadyConnected")
	first.peer("IsAlreadyConnected")
	firstID := t.ext.peer("JustConnected")
	t.witness.want(peerInfo("JustConnected", firstID))
	second := p.plain(p.b, wallet)
	second.peer("IsAlreadyConnected")
	second.peer("IsAlreadyConnected")
	secondID := t.ext.peer("JustConnected")
	t.witness.want(peerInfo("JustConnected", secondID))
	first.drop()
	t.witness.want(peerInfo("Suspended", firstID), peerInfo("Disconnected", firstID))
	t.ext.fence(t.extID, second)
}
