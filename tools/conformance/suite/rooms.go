package suite

import (
	"fmt"
	"strings"
)

func roomChecks() []check {
	return []check{
		{"rooms: names, byte for byte", "R10.1 P1.4", namedRooms},
		{"rooms: a room of equals", "R10.2 R10.3 R10.4", equals},
		{"rooms: hosts and viewers", "R10.2 R10.3 R10.4", hostAndViewers},
		{"rooms: one direction makes no peers", "R10.3 R10.4", oneDirection},
		{"rooms: other roles beside plain clients", "R10.3 P3.4", besidePlainClients},
		{"rooms: bad names and roles close with 1003 and the first reason", "R10.1 R10.2 R10.5", badNames},
		{"rooms: the plain dialect knows none of it", "P1.1 P1.2 P1.5 R10.1", plainKnowsNoNames},
		{"rooms: a token is bound to room, source and target", "R10.6 R3.4", boundTokens},
	}
}

// in is a target of this check's own room, which does not have 64 hex digits.
func (p *probe) in(query string) string { return "/rooms/" + p.room[:32] + query }

// meets has s hear that the client of that session has come.
func (s *socket) meets(other session) { want(s.p, "who came", s.peer("JustConnected"), other.ClientID) }

// sees is whom a session frame tells of, in that order.
func (f session) sees(p *probe, others ...session) {
	var got, wanted []string
	for _, peer := range f.Peers {
		got = append(got, peer.ID)
	}
	for _, other := range others {
		wanted = append(wanted, other.ClientID)
	}
	want(p, "peers", strings.Join(got, " "), strings.Join(wanted, " "))
}

// exchange has a message go each way, acknowledged.
func exchange(a, b *socket, sa, sb session) (last string) {
	b.text(ack(b.wantData(a.send("offer", sb.ClientID)).ID))
	last = a.wantData(b.send("answer", sa.ClientID)).ID
	a.text(ack(last))
	return last
}

func namedRooms(p *probe) {
	longest := p.room[:32] + strings.Repeat("x", 128-32)
	for _, name := range []string{p.room[:20] + "-._~AZaz09", longest, p.room} {
		at := "/rooms/" + name
		encoded := "/rooms/%" + fmt.Sprintf("%02x", name[0]) + name[1:]
		a, sa := p.rejoinAt(p.a, at)
		b, sb := p.rejoinAt(p.b, encoded)
		sb.sees(p, sa)
		a.meets(sb)
		exchange(a, b, sa, sb)
		other := "/rooms/" + strings.ToUpper(name[:20]) + name[20:]
		if name == p.room {
			other = "/" + strings.ToUpper(name) // the same room
		}
		c, sc := p.rejoinAt(p.a, other)
		if name == p.room {
			sc.sees(p, sa, sb)
		} else if other != at {
			sc.sees(p)
		}
		c.leave(1000)
	}
}

func equals(p *probe) {
	a, sa := p.rejoinAt(p.a, p.in(""))
	b, sb := p.rejoinAt(p.b, p.in("?source=peer&target=peer"))
	sa.sees(p)
	sb.sees(p, sa)
	a.meets(sb)
	c, sc := p.rejoinAt(p.a, p.in("?source=&target="))
	sc.sees(p, sa, sb)
	a.meets(sc)
	b.meets(sc)
	exchange(a, b, sa, sb)
	last := exchange(b, c, sb, sc)
	exchange(c, a, sc, sa)
	id := p.requestID()
	a.text(message(id, "offer", sa.ClientID, "to itself"))
	a.want(missing(id))
	b.drop()
	a.want(peerInfo("Suspended", sb.ClientID))
	c.want(peerInfo("Suspended", sb.ClientID))
	id = a.send("iceCandidate", sb.ClientID)
	b, again := p.rejoinAt(p.b, p.in(""), "rejoin.resume."+sb.ResumeToken, "rejoin.after."+last)
	want(p, "resumed", again.Resumed, true)
	again.sees(p, sa, sc)
	b.wantData(id)
	a.want(peerInfo("Resumed", sb.ClientID))
	c.want(peerInfo("Resumed", sb.ClientID))
	c.leave(1000)
	a.want(peerInfo("Disconnected", sc.ClientID))
	b.want(peerInfo("Disconnected", sc.ClientID))
}

func hostAndViewers(p *probe) {
	viewer, host := p.in("?source=viewer&target=host"), p.in("?source=host&target=viewer")
	v1, s1 := p.rejoinAt(p.a, viewer)
	v2, s2 := p.rejoinAt(p.b, viewer)
	s2.sees(p)
	h, sh := p.rejoinAt(p.a, host)
	sh.sees(p, s1, s2)
	v1.meets(sh)
	v2.meets(sh)
	exchange(h, v1, sh, s1)
	exchange(h, v2, sh, s2)
	id := p.requestID()
	v1.text(message(id, "offer", s2.ClientID, "to another viewer"))
	v1.want(missing(id))
	v1.leave(1000)
	h.want(peerInfo("Disconnected", s1.ClientID))
	v2.settled()
}

func oneDirection(p *probe) {
	a, sa := p.rejoinAt(p.a, p.in("?source=host&target=viewer"))
	b, sb := p.rejoinAt(p.b, p.in("?source=viewer&target=peer")) // the first one's target, and not the other way round
	c, sc := p.rejoinAt(p.b, p.in("?source=peer&target=host"))   // only b has its source as target
	sb.sees(p)
	sc.sees(p)
	for _, pair := range []struct {
		from *socket
		to   session
	}{{a, sb}, {b, sa}, {b, sc}, {c, sb}, {c, sa}, {a, sc}} {
		id := p.requestID()
		pair.from.text(message(id, "offer", pair.to.ClientID, "e"))
		pair.from.want(missing(id))
	}
}

func besidePlainClients(p *probe) {
	ext := p.plain(p.a, extension).settled()
	equal, se := p.rejoinAt(p.b, "/"+p.room)
	se.sees(p)
	wal, sw := p.rejoin(p.b, wallet)
	if len(sw.Peers) != 1 {
		p.fail("a wallet among a plain extension and an equal sees %s", sw.raw)
	}
	ext.meets(sw)
	other, so := p.rejoinAt(p.a, "/"+p.room+"?source=wallet&target=wallet")
	so.sees(p)
	for from, to := range map[*socket]session{equal: sw, wal: se, other: sw, ext: se} {
		id := p.requestID()
		from.text(message(id, "offer", to.ClientID, "e"))
		from.want(missing(id))
	}
}

func badNames(p *probe) {
	const noRoom, badName = "missing connectionId in path", "invalid room name"
	for _, c := range []struct{ target, reason string }{
		{"/", noRoom},
		{"/lobby", noRoom},
		{"/rooms", noRoom},
		{"/rooms/", badName},
		{"/rooms/a/b", badName},
		{"/rooms/a%20b", badName},
		{"/rooms/%C3%A9", badName},
		{"/rooms/a%00", badName},
		{"/rooms/" + strings.Repeat("x", 129), badName},
		{p.in("?source=host"), "missing target"},
		{p.in("?source=Host"), "missing target"},
		{p.in("?source=host&target=Viewer"), "invalid target"},
		{p.in("?target=9"), "invalid target"},
		{p.in("?target=a_b"), "invalid target"},
		{p.in("?target=" + strings.Repeat("x", 17)), "invalid target"},
		{p.in("?target=viewer"), "missing source"},
		{p.in("?target=viewer&source=a%3Eb"), "invalid source"},
		{p.in("?target=viewer&source=-a"), "invalid source"},
	} {
		s := p.open(p.a, c.target, "Sec-WebSocket-Protocol: rejoin.v1")
		if _, end := s.read(); end == nil || end.code != 1003 || end.reason != c.reason {
			p.fail("%s: %v, want 1003 %q", c.target, end, c.reason)
		}
	}
}

func plainKnowsNoNames(p *probe) {
	for target, reason := range map[string]string{
		p.in("?source=wallet&target=extension"):                "missing connectionId in path",
		"/rooms/" + p.room + "?source=wallet&target=extension": "missing connectionId in path",
		"/" + p.room + "?source=host&target=viewer":            "invalid target",
		"/" + p.room + "?source=peer&target=peer":              "invalid target",
		"/" + p.room + "?source=wallet&target=wallet":          "source and target needs to be different",
	} {
		if _, end := p.open(p.a, target).read(); end == nil || end.code != 1003 || end.reason != reason {
			p.fail("%s: %v, want 1003 %q", target, end, reason)
		}
	}
}

func boundTokens(p *probe) {
	s, f := p.rejoinAt(p.a, p.in("?source=host&target=viewer"))
	s.drop()
	for _, target := range []string{
		p.in("?source=viewer&target=host"), p.in("?source=host&target=host"), p.in("?source=other&target=viewer"), p.in(""),
		"/rooms/" + p.room[:31] + "?source=host&target=viewer", "/" + p.room + "?source=host&target=viewer",
	} {
		other, got := p.rejoinAt(p.b, target, "rejoin.resume."+f.ResumeToken)
		if got.Resumed || got.Reason != "mismatch" {
			p.fail("%s: %s", target, got.raw)
		}
		other.leave(1000)
	}
	_, got := p.rejoinAt(p.b, p.in("?source=host&target=viewer"), "rejoin.resume."+f.ResumeToken)
	want(p, "resumed in the end", got.Resumed, true)
}
