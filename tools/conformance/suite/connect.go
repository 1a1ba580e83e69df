package suite

import "strings"

func connectChecks() []check {
	return []check{
		{"connect: bad parameters close with 1003 and the first reason", "P1.1 P1.2 P1.5 X1.1", badParameters},
		{"connect: parameters in any order, repeated, unknown, percent-encoded", "P1.1 P1.2 P1.3 P1.4", lenientParameters},
		{"connect: upper and lower case are one room", "P1.1", caseInsensitiveRoom},
		{"connect: subprotocol", "P1.6 R1.1 R1.6", subprotocolChoice},
		{"connect: no extension is negotiated", "P1.7", noExtensions},
	}
}

func badParameters(p *probe) {
	const (
		noRoom, noTarget, noSource   = "missing connectionId in path", "missing target", "missing source"
		badTarget, badSource, noDiff = "invalid target", "invalid source", "source and target needs to be different"
	)
	for _, c := range []struct{ target, reason string }{
		{"/?source=wallet&target=extension", noRoom},
		{"/", noRoom},
		{"/abc?source=wallet&target=extension", noRoom},
		{"/" + p.room[1:] + "?source=wallet&target=extension", noRoom},
		{"/" + p.room + "0?source=wallet&target=extension", noRoom},
		{"/g" + p.room[1:] + "?source=wallet&target=extension", noRoom},
		{"/" + p.room + "/x?source=wallet&target=extension", noRoom},
		{"/" + p.room, noTarget},
		{"/" + p.room + "?source=wallet", noTarget},
		{"/" + p.room + "?source=phone", noTarget},
		{"/" + p.room + "?source=wallet&target=", noTarget},
		{"/" + p.room + "?source=wallet&target=&target=extension", noTarget},
		{"/" + p.room + "?source=phone&target=phone", badTarget},
		{"/" + p.room + "?target=phone", badTarget},
		{"/" + p.room + "?source=wallet&target=Extension", badTarget},
		{"/" + p.room + "?target=extension", noSource},
		{"/" + p.room + "?source=&target=extension", noSource},
		{"/" + p.room + "?source=phone&target=extension", badSource},
		{"/" + p.room + "?source=wallet%20&target=extension", badSource},
		{"/" + p.room + "?source=wallet&target=wallet", noDiff},
		{"/" + p.room + "?source=extension&target=extension", noDiff},
	} {
		_, end := p.open(p.a, c.target).read()
		if end == nil || end.code != 1003 || end.reason != c.reason {
			p.fail("%s: %v, want 1003 %q", strings.Replace(c.target, p.room, "<id>", 1), end, c.reason)
		}
	}
}

func lenientParameters(p *probe) {
	encoded := "%" + hexByte(p.room[0]) + p.room[1:]
	ext := p.plain(p.b, extension).settled()
	for _, target := range []string{
		"/" + p.room + "?target=extension&source=wallet",
		"/" + p.room + "?source=wallet&source=extension&target=extension&target=phone",
		"/" + p.room + "?a=b&source=wallet&&target=extension&c",
		"/" + p.room + "?source=w%61llet&t%61rget=extension",
		"/" + encoded + "?source=wallet&target=extension",
		"/x/../" + p.room + "?source=wallet&target=extension",
		"/./" + p.room + "?source=wallet&target=extension",
		"//" + p.room + "?source=wallet&target=extension",
	} {
		wal := p.open(p.a, target)
		wal.peer("IsAlreadyConnected")
		id := ext.peer("JustConnected")
		wal.leave(1000)
		ext.want(peerInfo("Disconnected", id))
	}
}

func hexByte(b byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[b>>4], digits[b&15]})
}

func caseInsensitiveRoom(p *probe) {
	p.room = "abcdef" + p.room[6:]
	ext := p.plain(p.a, extension).settled()
	wal := p.open(p.b, "/"+strings.ToUpper(p.room)+"?source=wallet&target=extension")
	wal.peer("IsAlreadyConnected")
	ext.peer("JustConnected")
}

func subprotocolChoice(p *probe) {
	for offer, choice := range map[string]string{
		"": "", "foo": "foo", "foo, bar": "foo", "foo, rejoin.v1": "rejoin.v1", "rejoin.v1,foo": "rejoin.v1",
	} {
		var headers []string
		if offer != "" {
			headers = append(headers, "Sec-WebSocket-Protocol: "+offer)
		}
		s := p.open(p.a, p.path(wallet), headers...)
		want(p, "choice of "+offer, s.resp.Header.Get("Sec-WebSocket-Protocol"), choice)
		if choice == "rejoin.v1" {
			if first := s.next(); !strings.HasPrefix(first, `{"info":"session",`) {
				p.fail("rejoin.v1 begins with %s", first)
			}
		}
		s.settled()
	}
}

func noExtensions(p *probe) {
	s := p.open(p.a, p.path(wallet), "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")
	want(p, "Sec-WebSocket-Extensions", s.resp.Header.Get("Sec-WebSocket-Extensions"), "")
	s.settled()
}
