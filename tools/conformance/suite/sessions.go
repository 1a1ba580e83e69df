package suite

import (
	"strconv"
	"strings"
)

func sessionChecks() []check {
	return []check{
		{"session: the first frame, field by field", "R1.1 R1.2 R1.3 R1.4", firstFrame},
		{"session: resumed on the other instance, everything missed comes once, in order", "R2.1 R3.1 R3.3 R5.2 R5.3 S1.1", resumeWithReplay},
		{"session: the resumed frame, field by field", "R3.3 R4.2", resumedFrame},
		{"session: 50 resumes in a row without traffic", "R3.5", manyResumes},
		{"session: resumed without ever having received anything", "R3.2 R3.5", resumeOfNothing},
		{"session: peers are state, not history", "R1.4 S1.5", peersOnResume},
		{"session: what was not confirmed is sent again and delivered once", "R3.6 R3.7", dedupe},
	}
}

// frameWith renders the session frame that has these values, in the order of the fields.
func frameWith(s session, verdict, peers string) string {
	return `{"info":"session","clientId":"` + s.ClientID + `","resumeToken":"` + s.ResumeToken + `",` + verdict +
		`,"peers":[` + peers + `],"graceMs":` + strconv.FormatInt(s.GraceMs, 10) + `,"pingMs":` + strconv.FormatInt(s.PingMs, 10) +
		`,"maxMessageBytes":` + strconv.Itoa(s.MaxMessageBytes) + `}`
}

func peerState(id, state string) string {
	return `{"remoteClientId":"` + id + `","state":"` + state + `"}`
}

func firstFrame(p *probe) {
	_, wal := p.rejoin(p.a, wallet)
	want(p, "session frame", wal.raw, frameWith(wal, `"resumed":false`, ""))
	if wal.GraceMs <= 0 || wal.PingMs <= 0 || wal.MaxMessageBytes <= 0 {
		p.fail("session frame without bounds: %s", wal.raw)
	}
	second, other := p.rejoin(p.b, wallet)
	second.settled()
	_, ext := p.rejoin(p.b, extension)
	peers := peerState(wal.ClientID, "live") + "," + peerState(other.ClientID, "live")
	want(p, "session frame", ext.raw, frameWith(ext, `"resumed":false`, peers))
	for _, s := range []session{wal, other, ext} {
		// It travels as part of a subprotocol name, which is an HTTP token.
		if strings.ContainsAny(s.ResumeToken, " \t,;=\"()<>@:\\/[]?{}") {
			p.fail("resume token %q cannot be offered as a subprotocol", s.ResumeToken)
		}
	}
}

func resumedFrame(p *probe) {
	r := p.reunion()
	r.lose()
	r.ext.sends(r.walS.ClientID, candidates(2)...)
	token := r.walS.ResumeToken
	back := r.comeBack(p.a, "")
	want(p, "session frame", back.raw, frameWith(back, `"resumed":true,"replay":2,"superseded":0`, peerState(r.extS.ClientID, "live")))
	if back.ResumeToken == token {
		p.fail("resume returned the same token")
	}
}

func resumeWithReplay(p *probe) {
	r := p.reunion()
	before := r.ext.sends(r.walS.ClientID, candidates(3)...)
	last := r.wal.wantData(before...)
	r.lose()
	missed := r.ext.sends(r.walS.ClientID, candidates(5)...)
	back := r.comeBack(p.a, last.ID)
	want(p, "replay", back.Replay, len(missed))
	newer := r.ext.sends(r.walS.ClientID, candidates(2)...)
	end := r.wal.wantData(append(missed, newer...)...)
	if !rises(last.ID, end.ID) {
		p.fail("entry id %s after %s", end.ID, last.ID)
	}
	r.ext.fence(r.extS.ClientID, r.wal)
	r.wal.fence(r.walS.ClientID, r.ext)
}

func manyResumes(p *probe) {
	r := p.reunion()
	for i := range 50 {
		r.wal, r.walS = p.resume([]string{p.a, p.b}[i%2], wallet, r.walS, "")
		want(p, "replay", r.walS.Replay, 0)
	}
	r.wal.fence(r.walS.ClientID, r.ext)
	id := r.wal.send("answer", r.extS.ClientID)
	// The extension may have heard of suspensions and returns on the way, in turns, and of nothing else.
	for suspended := false; ; {
		m := r.ext.next()
		switch m {
		case peerInfo("Suspended", r.walS.ClientID):
			want(p, "suspended twice", suspended, false)
			suspended = true
		case peerInfo("Resumed", r.walS.ClientID):
			want(p, "resumed while live", suspended, true)
			suspended = false
		default:
			want(p, "suspended at the end", suspended, false)
			if !strings.Contains(m, `"requestId":"`+id+`"`) {
				p.fail("got %s", m)
			}
			return
		}
	}
}

func resumeOfNothing(p *probe) {
	r := p.reunion()
	r.lose()
	want(p, "replay", r.comeBack(p.a, "").Replay, 0)
	r.wal.settled()
	r.lose()
	missed := r.ext.send("offer", r.walS.ClientID)
	r.comeBack(p.b, "")
	r.wal.wantData(missed)
}

func peersOnResume(p *probe) {
	r := p.reunion()
	r.lose()
	r.ext.leave(1000)
	late, lateS := p.rejoin(p.b, extension)
	want(p, "peers of the late one", len(lateS.Peers), 1)
	want(p, "state of the suspended peer", lateS.Peers[0].State, "suspended")
	back, backS := p.resume(p.a, wallet, r.walS, "")
	late.want(peerInfo("Resumed", backS.ClientID))
	want(p, "peers after the resume", len(backS.Peers), 1)
	want(p, "the peer", backS.Peers[0].ID, lateS.ClientID)
	back.fence(backS.ClientID, late)
}

func dedupe(p *probe) {
	r := p.reunion()
	id := p.requestID()
	m := message(id, "answer", r.extS.ClientID, "e")
	r.wal.text(m)
	r.wal.text(m)
	r.wal.want(confirmation(id), confirmation(id))
	r.ext.wantData(id)
	next := p.requestID()
	r.wal.text(message(next, "iceCandidate", r.extS.ClientID, "e"))
	r.ext.wantData(next) // its confirmation is lost with the connection
	r.lose()
	r.comeBack(p.a, "")
	r.wal.text(message(next, "iceCandidate", r.extS.ClientID, "e"))
	r.wal.want(confirmation(next))
	r.ext.fence(r.extS.ClientID, r.wal)
}
