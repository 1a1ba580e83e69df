package suite

import (
	"fmt"
	"strings"
)

func messageChecks() []check {
	return []check{
		{"messages: relayed byte for byte, confirmed, both ways", "P4.1 P5.1 P5.2 P5.3", relay},
		{"messages: binary frames in, text frames out", "P4.1 P5.1", binaryIn},
		{"messages: fragments, with a ping in between", "P4.1", fragments},
		{"messages: relayed as compact JSON", "P5.1 P5.2", compactRelay},
		{"messages: empty strings, unknown fields, other source and connectionId", "P4.2 P4.3 P4.4", lenientMessages},
		{"messages: a missing target", "P5.4 P5.5", missingTargets},
		{"messages: one answer each, in order; delivered in order", "P5.5 P5.6", inOrder},
	}
}

func relay(p *probe) {
	r := p.pair()
	for _, method := range []string{"offer", "answer", "iceCandidate", "iceCandidates"} {
		id := p.requestID()
		out := message(id, method, r.walID, "payload of "+method)
		r.ext.text(out)
		r.ext.want(confirmation(id))
		r.wal.want(remoteData(out, r.extID, id))
		back := message(id, method, r.extID, "back")
		r.wal.text(back)
		r.wal.want(confirmation(id))
		r.ext.want(remoteData(back, r.walID, id))
	}
}

func binaryIn(p *probe) {
	r := p.pair()
	m := message("b", "offer", r.walID, "é€😀")
	r.ext.binary(m)
	r.ext.want(confirmation("b"))
	r.wal.want(remoteData(m, r.extID, "b"))
}

func fragments(p *probe) {
	r := p.pair()
	m := message("f", "offer", r.walID, "é€😀")
	third := len(m) / 3
	r.ext.write(frame(opText, []byte(m[:third])))
	r.ext.ping("between")
	r.ext.write(frame(opContinuation, []byte(m[third:2*third])))
	r.ext.write(frame(opContinuation, nil))
	for _, b := range frame(0x80|opContinuation, []byte(m[2*third:])) {
		r.ext.write([]byte{b})
	}
	r.ext.want(confirmation("f"))
	r.wal.want(remoteData(m, r.extID, "f"))
}

func compactRelay(p *probe) {
	r := p.pair()
	compact := message("c", "offer", r.walID, "a b")
	loose := strings.NewReplacer(`,"`, " ,\n\t\"", `":"`, `" : "`).Replace(compact)
	r.ext.text(" " + loose + "\r\n")
	r.ext.want(confirmation("c"))
	r.wal.want(remoteData(compact, r.extID, "c"))
}

func lenientMessages(p *probe) {
	r := p.pair()
	empty := `{"encryptedPayload":"","targetClientId":"` + r.walID + `","requestId":"","method":"offer"}`
	r.ext.text(empty)
	r.ext.want(confirmation(""))
	r.wal.want(remoteData(empty, r.extID, ""))
	rich := `{"z":[1,{"y":null}],"method":"offer","source":"wallet","connectionId":"elsewhere","requestId":"u","startAt":-1.5e3,` +
		`"targetClientId":"` + r.walID + `","encryptedPayload":"e","id":"mine","info":"x"}`
	r.ext.text(rich)
	r.ext.want(confirmation("u"))
	r.wal.want(remoteData(rich, r.extID, "u"))
	escaped := `{"requestId":"\u0061\"","method":"offer","targetClientId":"` + r.walID + `","encryptedPayload":"\/"}`
	r.ext.text(escaped)
	got := r.ext.next()
	if got != `{"info":"confirmation","requestId":"\u0061\""}` && got != `{"info":"confirmation","requestId":"a\""}` {
		p.fail("confirmation of an escaped request id: %s", got)
	}
	r.wal.data()
}

func missingTargets(p *probe) {
	r := p.pair()
	for _, target := range []string{nobody, "", "nobody", r.extID, strings.Repeat("x", 1000)} {
		id := p.requestID()
		r.ext.text(message(id, "offer", target, "e"))
		r.ext.want(missing(id))
	}
	// A peer of another room is none.
	here := p.room
	p.room = newRoom()
	stranger := p.pair()
	p.room = here
	r.ext.text(message("s", "offer", stranger.walID, "e"))
	r.ext.want(missing("s"))
	stranger.wal.fence(stranger.walID, stranger.ext)
}

func inOrder(p *probe) {
	const count = 60
	r := p.pair()
	var batch []byte
	var confirmations, ids []string
	for i := range count {
		id := fmt.Sprintf("o%d", i)
		ids = append(ids, id)
		confirmations = append(confirmations, confirmation(id))
		batch = append(batch, frame(0x80|opText, []byte(message(id, "iceCandidate", r.walID, "e")))...)
	}
	r.ext.write(batch)
	r.ext.want(confirmations...)
	r.wal.wantData(ids...)
	r.wal.fence(r.walID, r.ext)
}
