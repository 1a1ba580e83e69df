package suite

import "strings"

func tokenChecks() []check {
	return []check{
		{"token: a resume fences the older connection with 4001", "R4.5", fencing},
		{"token: the older one is good until there was activity on the new connection", "R4.1 R4.2 R4.3", olderToken},
		{"token: an acknowledgement right after the resume retires the older one", "R2.5 R4.3 R4.4", ackRetires},
		{"token: of another room or role, or altered: mismatch", "R3.4 R4.1", foreignTokens},
		{"token: garbage: unknown", "R3.4", garbageTokens},
		{"token: of a session that was closed", "R3.4 R5.1", closedToken},
		{"token: invented cursors are refused, in one round trip", "R3.4", inventedCursors},
	}
}

func fencing(p *probe) {
	r := p.reunion()
	ids := r.ext.sends(r.walS.ClientID, candidates(2)...)
	r.wal.wantData(ids...)
	old := r.wal
	r.wal, r.walS = p.resume(p.a, wallet, r.walS, "")
	r.wal.wantData(ids...)
	// The old connection is as alive as can be, and yet it no longer counts.
	_ = old.tryWrite(frame(0x80|opText, []byte(message("late", "offer", r.extS.ClientID, "e"))))
	_ = old.tryWrite(frame(0x80|opText, []byte(ack("18446744073709551615-0"))))
	m, end := old.read()
	if end == nil {
		p.fail("the fenced connection still hears %s", m)
	}
	if end.code != 4001 || end.reason != "resumed elsewhere" {
		p.fail("%v, want 4001", end)
	}
	r.wal.fence(r.walS.ClientID, r.ext)
	r.ext.fence(r.extS.ClientID, r.wal)
	r.lose()
	want(p, "replay", r.comeBack(p.b, "").Replay, 3)
}

// refused comes back with a token that must be refused for this reason, and returns the fresh session. An empty reason is any.
func (p *probe) refused(base, role, reason string, offers ...string) (*socket, session) {
	s, f := p.rejoin(base, role, offers...)
	if f.Resumed || f.Reason == "" || reason != "" && f.Reason != reason {
		p.fail("offers %.200q: %s, want reason %q", offers, f.raw, reason)
	}
	s.settled()
	return s, f
}

func olderToken(p *probe) {
	r := p.reunion()
	first := r.walS
	for range 3 { // the session frame gets lost, again and again
		s, _ := p.resume(p.a, wallet, first, "")
		s.drop()
	}
	s, newer := p.resume(p.b, wallet, first, "")
	s.settled() // a message is activity
	stray, _ := p.refused(p.a, wallet, "mismatch", "rejoin.resume."+first.ResumeToken)
	stray.leave(1000)
	s.settled() // and was not evicted
	s.drop()
	p.resume(p.a, wallet, newer, "")
}

func ackRetires(p *probe) {
	r := p.reunion()
	first := r.walS
	s, _ := p.resume(p.a, wallet, first, "")
	s.text(ack("0-0"))
	// Something that went through the store after the ack.
	s.fence(first.ClientID, r.ext)
	p.refused(p.a, wallet, "mismatch", "rejoin.resume."+first.ResumeToken)
	s.settled()
}

func foreignTokens(p *probe) {
	s, mine := p.rejoin(p.a, wallet)
	offer := "rejoin.resume." + mine.ResumeToken
	stray, _ := p.refused(p.b, extension, "mismatch", offer)
	id := s.peer("JustConnected")
	stray.leave(1000)
	s.want(peerInfo("Disconnected", id))
	here := p.room
	p.room = newRoom()
	p.refused(p.b, wallet, "mismatch", offer)
	p.room = here
	for i := range mine.ResumeToken {
		if i%5 != 0 {
			continue
		}
		altered := []byte(mine.ResumeToken)
		altered[i] = map[bool]byte{true: 'B', false: 'A'}[altered[i] == 'A']
		stray, _ = p.refused(p.b, wallet, "", "rejoin.resume."+string(altered))
		stray.leave(1000)
	}
	s.settled()
	p.resume(p.b, wallet, mine, "")
}

func garbageTokens(p *probe) {
	_, mine := p.rejoin(p.a, wallet)
	t := mine.ResumeToken
	for _, token := range []string{"x", t[:len(t)-1], t + "A", t[:len(t)/2], strings.Repeat("A", 4000), strings.Repeat("A", len(t)), "~!#$%&'*+-.^_`|"} {
		reason := "unknown"
		if len(token) == len(t) {
			reason = "" // well formed, but of no session: expired or mismatch would be just as true
		}
		s, _ := p.refused(p.a, wallet, reason, "rejoin.resume."+token)
		s.leave(1000)
	}
	p.refused(p.b, wallet, "unknown", "rejoin.resume.")
}

func closedToken(p *probe) {
	r := p.reunion()
	r.wal.leave(1000)
	r.ext.want(peerInfo("Disconnected", r.walS.ClientID))
	_, fresh := p.refused(p.a, wallet, "unknown", "rejoin.resume."+r.walS.ResumeToken)
	if fresh.ClientID == r.walS.ClientID {
		p.fail("a fresh session under the old client id")
	}
	want(p, "peer", r.ext.peer("JustConnected"), fresh.ClientID)
}

func inventedCursors(p *probe) {
	for cursor, reason := range map[string]string{
		"abc": "mismatch", "1": "mismatch", "1-": "mismatch", "-1": "mismatch", "1-2-3": "mismatch", "99999999999999999999999-1": "mismatch",
		"18446744073709551615-18446744073709551615": "lost", "18446744073709551614-5": "lost",
	} {
		p.room = newRoom()
		r := p.reunion()
		r.wal.wantData(r.ext.send("offer", r.walS.ClientID))
		p.refused(p.b, wallet, reason, "rejoin.resume."+r.walS.ResumeToken, "rejoin.after."+cursor)
	}
}
