package suite

import (
	"strings"
	"time"
)

func kindChecks() []check {
	return []check{
		{"messages: any payload and any method, as they came", "R11.1 R11.2", anyKind},
		{"messages: another method is never superseded", "R11.2 S1.2", keptBesideOffers},
		{"messages: what is refused in rejoin.v1", "R11.1 R11.2 R11.3", refusedKinds},
		{"messages: to a plain peer only what it knows", "R11.4", beyondPlain},
		{"ttlMs: in time it is a message like any other", "R11.5 R11.6", inTime},
		{"ttlMs: over while its receiver is away", "R11.5 R11.6 R11.8", overdueWhileAway},
		{"ttlMs: over while both are away", "R11.7", overdueWhileBothAway},
	}
}

// of makes a message of rejoin.v1; fields are what stands behind its target.
func of(requestID, method, target, fields string) string {
	return `{"requestId":"` + requestID + `","method":"` + method + `","targetClientId":"` + target + `",` + fields + `}`
}

// equals are two clients of a room of equals that know each other.
type two struct {
	a, b   *socket
	sa, sb session
}

func (p *probe) two() two {
	a, sa := p.rejoinAt(p.a, p.in(""))
	b, sb := p.rejoinAt(p.b, p.in(""))
	a.meets(sb)
	return two{a, b, sa, sb}
}

func anyKind(p *probe) {
	r := p.two()
	for _, c := range []struct{ method, fields string }{
		{"offer", `"payload":{"type":"offer","sdp":"v=0\\r\\n"}`},
		{"chat", `"payload":null`},
		{"A9_.-z", `"payload":[1,2.50,"\u00e9",{"encryptedPayload":7}],"x":{}`},
		{"Offer", `"encryptedPayload":"","source":"peer"`},
		{strings.Repeat("m", 32), `"payload":false`},
	} {
		text := of(p.requestID(), c.method, r.sb.ClientID, c.fields)
		r.a.text(text)
		r.a.want(confirmation(lastID(p)))
		e := r.b.wantData(lastID(p))
		want(p, "the message", string(e.Data), text)
	}
}

func keptBesideOffers(p *probe) {
	r := p.two()
	r.b.drop()
	r.a.want(peerInfo("Suspended", r.sb.ClientID))
	var kept []string
	for _, method := range []string{"offer", "chat", "iceCandidate", "offer", "chat", "iceCandidate"} {
		id := p.requestID()
		r.a.text(of(id, method, r.sb.ClientID, `"payload":1`))
		r.a.want(confirmation(id))
		kept = append(kept, id)
	}
	b, f := p.rejoinAt(p.a, p.in(""), "rejoin.resume."+r.sb.ResumeToken)
	want(p, "replay", f.Replay, 4)
	want(p, "superseded", f.Superseded, 2)
	b.wantData(kept[1], kept[3], kept[4], kept[5])
}

func refusedKinds(p *probe) {
	const custom = `{"code":"custom","path":["`
	form := func(field string) string {
		return `{"code":"invalid_string","validation":"regex","path":["` + field + `"],"message":"Invalid"}`
	}
	both := custom + `payload"],"message":"Expected encryptedPayload or payload, received both"}`
	ttl := custom + `ttlMs"],"message":"Expected a whole number from 1 to 3600000"}`
	rest := `,"targetClientId":"t","payload":1}`
	s, _ := p.rejoin(p.b, wallet)
	s.refusals([][2]string{
		{
			`{}`,
			invalid("", wrongType("requestId", "string", "undefined"), wrongType("encryptedPayload", "string", "undefined"),
				wrongType("targetClientId", "string", "undefined"), wrongType("method", "string", "undefined")),
		},
		{of("r", "chat", "t", `"payload":1,"encryptedPayload":"e"`), invalid(`"r"`, both)},
		{of("r", "chat", "t", `"x":1`), invalid(`"r"`, wrongType("encryptedPayload", "string", "undefined"))},
		{of("r", "chat", "t", `"encryptedPayload":1`), invalid(`"r"`, wrongType("encryptedPayload", "string", "number"))},
		{`{"requestId":"r","method":5` + rest, invalid(`"r"`, wrongType("method", "string", "number"))},
		{of("r", "", "t", `"payload":1`), invalid(`"r"`, form("method"))},
		{of("r", "9a", "t", `"payload":1`), invalid(`"r"`, form("method"))},
		{of("r", "a b", "t", `"payload":1`), invalid(`"r"`, form("method"))},
		{of("r", strings.Repeat("m", 33), "t", `"payload":1`), invalid(`"r"`, form("method"))},
		{of("r", "a", "t", `"payload":1,"source":"A"`), invalid(`"r"`, form("source"))},
		{of("r", "a", "t", `"payload":1,"source":null`), invalid(`"r"`, wrongType("source", "string", "null"))},
		{of("r", "a", "t", `"payload":1,"ttlMs":0`), invalid(`"r"`, ttl)},
		{of("r", "a", "t", `"payload":1,"ttlMs":3600001`), invalid(`"r"`, ttl)},
		{of("r", "a", "t", `"payload":1,"ttlMs":1.5`), invalid(`"r"`, ttl)},
		{of("r", "a", "t", `"payload":1,"ttlMs":"5"`), invalid(`"r"`, wrongType("ttlMs", "number", "string"))},
	})
}

func beyondPlain(p *probe) {
	ext := p.plain(p.a, extension).settled()
	wal, sw := p.rejoin(p.b, wallet)
	ext.meets(sw)
	extID := sw.Peers[0].ID
	for field, m := range map[string]string{
		"payload": of("r1", "offer", extID, `"payload":"p"`),
		"method":  of("r1", "chat", extID, `"encryptedPayload":"p"`),
		"source":  of("r1", "offer", extID, `"encryptedPayload":"p","source":"peer"`),
	} {
		wal.text(m)
		wal.want(invalid(`"r1"`, `{"code":"custom","path":["`+field+`"],"message":"The target is a plain client, which does not know this"}`))
	}
	text := of("r2", "offer", extID, `"encryptedPayload":"p","source":"wallet","ttlMs":60000`)
	wal.text(text)
	wal.want(confirmation("r2"))
	want(p, "the message", string(ext.wantData("r2").Data), text)
}

func inTime(p *probe) {
	r := p.two()
	for range 3 {
		id := p.requestID()
		r.a.text(of(id, "chat", r.sb.ClientID, `"payload":1,"ttlMs":300`))
		r.a.want(confirmation(id))
		r.b.text(ack(r.b.wantData(id).ID))
	}
	r.b.drop()
	r.a.want(peerInfo("Suspended", r.sb.ClientID)) // and nothing else, however long ago those three were
	id := p.requestID()
	r.a.text(of(id, "chat", r.sb.ClientID, `"payload":1,"ttlMs":3600000`))
	r.a.want(confirmation(id))
	b, f := p.rejoinAt(p.a, p.in(""), "rejoin.resume."+r.sb.ResumeToken)
	want(p, "replay", f.Replay, 1)
	b.wantData(id)
}

// late is the message that tells a sender that its message has not been delivered.
func late(requestID string, to session) string {
	return `{"info":"undelivered","requestId":"` + requestID + `","remoteClientId":"` + to.ClientID + `","reason":"expired"}`
}

func overdueWhileAway(p *probe) {
	r := p.two()
	r.b.drop()
	r.a.want(peerInfo("Suspended", r.sb.ClientID))
	var ids []string
	for _, fields := range []string{`"payload":1`, `"payload":2,"ttlMs":100`, `"payload":3,"ttlMs":200`, `"payload":4`, `"payload":5,"ttlMs":600000`} {
		id := p.requestID()
		r.a.text(of(id, "chat", r.sb.ClientID, fields))
		r.a.want(confirmation(id))
		ids = append(ids, id)
	}
	r.a.want(late(ids[1], r.sb), late(ids[2], r.sb))
	b, f := p.rejoinAt(p.b, p.in(""), "rejoin.resume."+r.sb.ResumeToken)
	want(p, "replay", f.Replay, 3)
	want(p, "superseded", f.Superseded, 0)
	last := b.wantData(ids[0], ids[3], ids[4])
	r.a.want(peerInfo("Resumed", r.sb.ClientID))
	id := r.a.send("chat", r.sb.ClientID) // what comes next is the next
	if next := b.wantData(id); !rises(last.ID, next.ID) {
		p.fail("entry id %s after %s", next.ID, last.ID)
	}
	b.text(ack(b.wantData(r.a.send("chat", r.sb.ClientID)).ID))
	b.leave(1000)
	r.a.want(peerInfo("Disconnected", r.sb.ClientID)) // with nothing undelivered, and nothing twice
}

func overdueWhileBothAway(p *probe) {
	r := p.two()
	r.b.drop()
	r.a.want(peerInfo("Suspended", r.sb.ClientID))
	id := p.requestID()
	r.a.text(of(id, "chat", r.sb.ClientID, `"payload":1,"ttlMs":1000`))
	r.a.want(confirmation(id))
	r.a.drop()
	time.Sleep(1500 * time.Millisecond) // no client is connected that could be told
	a, f := p.rejoinAt(p.a, p.in(""), "rejoin.resume."+r.sa.ResumeToken)
	if len(f.Undelivered) == 0 { // a slow machine: its time is over, and the server has not looked yet
		a.want(late(id, r.sb))
		return
	}
	if len(f.Undelivered) != 1 || f.Undelivered[0].ID != r.sb.ClientID || strings.Join(f.Undelivered[0].RequestIDs, " ") != id {
		p.fail("the sender came back to %s", f.raw)
	}
}

// lastID is the request id that was made last.
func lastID(p *probe) string {
	p.made--
	return p.requestID()
}
