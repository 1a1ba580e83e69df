package suite

import "time"

func graceChecks() []check {
	return []check{
		{"grace: rejoin.v1 peers hear of suspension and return, plain peers hear nothing", "R5.2 R5.3 R5.4", suspension},
		{"grace: a plain newcomer hears of a suspended peer when it is back", "R5.4", newcomer},
		{"grace: close 1000 ends the session, 1001 suspends it", "R5.1 R5.2", closeCodes},
		{"grace: the end of the window is heard once, with what was not delivered", "R5.5 R5.6 R3.4", windowEnd},
		{"grace: undelivered messages are told to a sender that was away", "R1.5", undeliveredWhileAway},
	}
}

func suspension(p *probe) {
	r := p.reunion()
	plain := p.plain(p.b, extension)
	plain.want(peerInfo("IsAlreadyConnected", r.walS.ClientID))
	plainID := r.wal.peer("JustConnected")
	for range 2 {
		r.lose()
		id := plain.send("iceCandidate", r.walS.ClientID) // stored, confirmed, and nothing heard before
		r.comeBack(p.a, "")
		e := r.wal.wantData(id)
		want(p, "sender", e.From, plainID)
		r.wal.text(ack(e.ID))
		r.wal.settled()
		plain.fence(plainID, r.wal)
	}
	r.ext.fence(r.extS.ClientID, r.wal)
}

func newcomer(p *probe) {
	r := p.reunion()
	r.lose()
	plain := p.plain(p.a, extension).settled() // which hears nothing of the wallet
	r.comeBack(p.b, "")
	plain.want(peerInfo("JustConnected", r.walS.ClientID))
	plain.send("offer", r.walS.ClientID)
}

func closeCodes(p *probe) {
	r := p.reunion()
	for _, code := range []int{1001, 0, 4000} {
		r.wal.leave(code)
		r.ext.want(peerInfo("Suspended", r.walS.ClientID))
		r.comeBack(p.a, "")
	}
	r.wal.leave(1000)
	r.ext.want(peerInfo("Disconnected", r.walS.ClientID))
	id := p.requestID()
	r.ext.text(message(id, "offer", r.walS.ClientID, "e"))
	r.ext.want(missing(id))
}

func windowEnd(p *probe) {
	r := p.reunion()
	p.needShortGrace(r.walS)
	plain := p.plain(p.b, extension)
	plain.want(peerInfo("IsAlreadyConnected", r.walS.ClientID))
	r.wal.peer("JustConnected")
	got := r.ext.sends(r.walS.ClientID, candidates(2)...)
	last := r.wal.wantData(got...)
	r.wal.text(ack(last.ID))
	r.wal.settled()
	r.lose()
	lost := r.ext.sends(r.walS.ClientID, candidates(2)...)
	plain.send("offer", r.walS.ClientID)
	r.ext.want(`{"info":"remoteClientDisconnected","remoteClientId":"` + r.walS.ClientID + `","undelivered":["` + lost[0] + `","` + lost[1] + `"]}`)
	plain.want(peerInfo("Disconnected", r.walS.ClientID))
	// Once: neither hears anything until the fresh session joins.
	_, fresh := p.refused(p.a, wallet, "expired", "rejoin.resume."+r.walS.ResumeToken)
	r.ext.want(peerInfo("JustConnected", fresh.ClientID))
	plain.want(peerInfo("JustConnected", fresh.ClientID))
}

func undeliveredWhileAway(p *probe) {
	witness, witnessS := p.rejoin(p.a, extension)
	grace := p.needShortGrace(witnessS)
	r := p.reunion()
	want(p, "peer", witness.peer("JustConnected"), r.walS.ClientID)
	r.lose()
	witness.want(peerInfo("Suspended", r.walS.ClientID))
	lost := r.ext.sends(r.walS.ClientID, candidates(2)...)
	// The sender is cut off half a window later than the receiver, so that it can come back when the witness has
	// heard of the receiver's end. This is no waiting for something to happen: it is how long it is away.
	other, otherS := p.rejoin(p.b, wallet)
	witness.want(peerInfo("JustConnected", otherS.ClientID))
	r.ext.want(peerInfo("JustConnected", otherS.ClientID))
	time.Sleep(grace / 2)
	r.ext.drop()
	other.want(peerInfo("Suspended", r.extS.ClientID))
	witness.want(peerInfo("Disconnected", r.walS.ClientID))
	_, back := p.rejoin(p.b, extension, "rejoin.resume."+r.extS.ResumeToken)
	if !back.Resumed {
		p.skip("the sender's own window ended too early: %s", back.Reason)
	}
	if len(back.Undelivered) != 1 || back.Undelivered[0].ID != r.walS.ClientID || len(back.Undelivered[0].RequestIDs) != 2 ||
		back.Undelivered[0].RequestIDs[0] != lost[0] || back.Undelivered[0].RequestIDs[1] != lost[1] {
		p.fail("session frame %s, want %v undelivered to %s", back.raw, lost, r.walS.ClientID)
	}
}
