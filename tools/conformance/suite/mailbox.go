package suite

import "strings"

func mailboxChecks() []check {
	return []check{
		{"mailbox: full by bytes; nothing confirmed is lost; usable again when read", "R6.1 R6.2", fullByBytes},
		{"mailbox: full by count", "R6.1 R6.2", fullByCount},
	}
}

func mailboxFull(requestID string) string {
	return `{"info":"mailboxFullError","requestId":"` + requestID + `"}`
}

func fullByBytes(p *probe) {
	r := p.reunion()
	plain := p.plain(p.a, extension)
	plain.want(peerInfo("IsAlreadyConnected", r.walS.ClientID))
	r.wal.peer("JustConnected")
	r.lose()
	payload := strings.Repeat("x", 60000)
	var stored []string
	for {
		id := p.requestID()
		r.ext.text(message(id, "iceCandidate", r.walS.ClientID, payload))
		answer := r.ext.next()
		if answer == mailboxFull(id) {
			break
		}
		want(p, "answer", answer, confirmation(id))
		if stored = append(stored, id); len(stored) == 80 {
			p.skip("the mailbox holds more than %d times 60 kB", len(stored))
		}
	}
	id := p.requestID()
	plain.text(message(id, "iceCandidate", r.walS.ClientID, payload))
	plain.want(missing(id))
	want(p, "replay", r.comeBack(p.b, "").Replay, len(stored))
	last := r.wal.wantData(stored...)
	r.wal.text(ack(last.ID))
	r.wal.settled()
	r.wal.fence(r.walS.ClientID, r.ext)
}

// fullByCount uses several senders, because of the rate limit.
func fullByCount(p *probe) {
	r := p.reunion()
	r.lose()
	var stored []string
	for range 6 {
		sender, s := p.rejoin(p.a, extension)
		want(p, "peers of a sender", len(s.Peers), 1)
		for range 80 {
			id := p.requestID()
			sender.text(message(id, "iceCandidate", r.walS.ClientID, "e"))
			answer := sender.next()
			if answer == mailboxFull(id) {
				want(p, "replay", r.comeBack(p.b, "").Replay, len(stored))
				r.wal.wantData(stored...)
				return
			}
			want(p, "answer", answer, confirmation(id))
			stored = append(stored, id)
		}
	}
	p.skip("the mailbox holds more than %d messages", len(stored))
}
