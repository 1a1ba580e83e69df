package suite

func ackChecks() []check {
	return []check{
		{"ack: cumulative; what is acknowledged is gone, the rest comes again", "R2.3 R2.4 R3.2", cumulativeAck},
		{"ack: the cursor of a resume acknowledges", "R3.2", cursorAcks},
		{"ack: without an id it is refused", "R2.6", malformedAck},
		{"ack: old, invented and foreign ids do no harm", "R2.5", wrongAcks},
	}
}

func ack(id string) string { return `{"method":"ack","id":"` + id + `"}` }

func cumulativeAck(p *probe) {
	r := p.reunion()
	ids := r.ext.sends(r.walS.ClientID, candidates(5)...)
	third := r.wal.wantData(ids[:3]...)
	r.wal.wantData(ids[3:]...)
	r.wal.text(ack(third.ID))
	r.wal.settled()
	r.lose()
	want(p, "replay", r.comeBack(p.a, "").Replay, 2)
	fifth := r.wal.wantData(ids[3:]...)
	r.wal.text(ack(fifth.ID))
	r.wal.settled()
	r.lose()
	want(p, "replay", r.comeBack(p.b, "").Replay, 0)
	r.wal.fence(r.walS.ClientID, r.ext)
}

func cursorAcks(p *probe) {
	r := p.reunion()
	ids := r.ext.sends(r.walS.ClientID, candidates(4)...)
	third := r.wal.wantData(ids[:3]...)
	r.wal.wantData(ids[3])
	r.lose()
	want(p, "replay", r.comeBack(p.a, third.ID).Replay, 1)
	r.wal.wantData(ids[3])
	r.lose()
	want(p, "replay", r.comeBack(p.b, "").Replay, 1)
	r.wal.wantData(ids[3])
}

func malformedAck(p *probe) {
	s, _ := p.rejoin(p.a, wallet)
	for text, received := range map[string]string{
		`{"method":"ack"}`: "undefined", `{"method":"ack","id":5}`: "number", `{"id":null,"method":"ack"}`: "null",
	} {
		s.text(text)
		s.want(invalid("", wrongType("id", "string", received)))
	}
	// Plain knows no ack.
	plain := p.plain(p.a, wallet)
	plain.text(ack("1-1"))
	plain.want(invalid("", wrongType("requestId", "string", "undefined"), wrongType("encryptedPayload", "string", "undefined"),
		wrongType("targetClientId", "string", "undefined"), wrongMethod()))
}

func wrongAcks(p *probe) {
	r := p.reunion()
	other, otherS := p.rejoin(p.b, wallet)
	want(p, "peer", r.ext.peer("JustConnected"), otherS.ClientID)
	mine := r.ext.sends(r.walS.ClientID, candidates(2)...)
	theirs := r.ext.sends(otherS.ClientID, candidates(2)...)
	first := other.wantData(theirs...)
	for _, id := range []string{"", "0-0", "1", "-", "abc", "1-2-3", "99999999999999999999999-1", "18446744073709551615-18446744073709551615", first.ID} {
		other.text(ack(id))
	}
	other.settled()
	r.wal.wantData(mine...)
	r.lose()
	want(p, "replay of a bystander", r.comeBack(p.a, "").Replay, 2)
	r.wal.wantData(mine...)
	r.wal.fence(r.walS.ClientID, r.ext)
}
