package suite

import "slices"

func replayChecks() []check {
	return []check{
		{"replay: a superseded offer and its candidates are left out", "S1.1 S1.2", supersededOffer},
		{"replay: answers and the candidates behind them are kept", "S1.2 S1.4", answersKept},
		{"replay: offers of different senders do not replace each other", "S1.2", twoSenders},
		{"replay: nothing from a sender that has left", "S1.3", senderLeft},
	}
}

// replays sends these methods to a suspended wallet and wants those at the kept indexes after the resume.
func (p *probe) replays(methods []string, kept ...int) {
	r := p.reunion()
	r.lose()
	ids := r.ext.sends(r.walS.ClientID, methods...)
	back := r.comeBack(p.a, "")
	want(p, "replay", back.Replay, len(kept))
	want(p, "superseded", back.Superseded, len(methods)-len(kept))
	for _, i := range kept {
		r.wal.wantData(ids[i])
	}
	r.wal.fence(r.walS.ClientID, r.ext)
}

func supersededOffer(p *probe) {
	p.replays([]string{"offer", "iceCandidate", "iceCandidates", "offer", "iceCandidate"}, 3, 4)
}

func answersKept(p *probe) {
	p.replays([]string{"answer", "iceCandidate", "offer", "iceCandidate", "offer", "iceCandidate"}, 0, 1, 4, 5)
}

func twoSenders(p *probe) {
	r := p.reunion()
	second, _ := p.rejoin(p.b, extension)
	r.wal.peer("JustConnected")
	r.lose()
	second.want(peerInfo("Suspended", r.walS.ClientID))
	a := r.ext.sends(r.walS.ClientID, "offer", "iceCandidate")
	b := second.sends(r.walS.ClientID, "offer", "iceCandidate")
	back := r.comeBack(p.a, "")
	want(p, "replay", back.Replay, 4)
	want(p, "superseded", back.Superseded, 0)
	r.wal.wantData(slices.Concat(a, b)...)
}

func senderLeft(p *probe) {
	r := p.reunion()
	second, secondS := p.rejoin(p.b, extension)
	r.wal.peer("JustConnected")
	observer, s := p.rejoin(p.a, wallet) // hears when the leave is in the store
	r.ext.want(peerInfo("JustConnected", s.ClientID))
	second.want(peerInfo("JustConnected", s.ClientID))
	r.lose()
	second.want(peerInfo("Suspended", r.walS.ClientID))
	second.sends(r.walS.ClientID, "answer", "iceCandidate")
	kept := r.ext.send("answer", r.walS.ClientID)
	second.leave(1000)
	observer.want(peerInfo("Disconnected", secondS.ClientID))
	back := r.comeBack(p.a, "")
	want(p, "replay", back.Replay, 1)
	want(p, "superseded", back.Superseded, 2)
	r.wal.wantData(kept)
}
