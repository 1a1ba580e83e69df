package suite

import (
	"bytes"
	"strings"
)

func limitChecks() []check {
	return []check{
		{"limits: the largest message, and one byte more", "P7.1", tooBig},
		{"limits: text that is not UTF-8", "P7.2", notUTF8},
		{"limits: the 101st message in a second; pings do not count", "P7.3", tooFast},
		{"limits: a flood of pongs, and of pings", "P7.7", tooManyControlFrames},
		{"websocket: protocol errors close with 1002", "X1.2", protocolErrors},
		{"websocket: ping and close are echoed", "X1.1 P7.4", echoes},
	}
}

func tooBig(p *probe) {
	s, opening := p.rejoin(p.a, wallet)
	limit := opening.MaxMessageBytes
	envelope := len(message("m", "offer", nobody, ""))
	s.text(message("m", "offer", nobody, strings.Repeat("x", limit-envelope)))
	s.want(missing("m"))
	s.text(message("m", "offer", nobody, strings.Repeat("x", limit-envelope+1)))
	_, end := s.read()
	if end == nil || end.code != 1009 {
		p.fail("one byte over the limit: %v, want 1009", end)
	}
	// In fragments, none of which is too long.
	s = p.plain(p.b, wallet)
	half := []byte(strings.Repeat("x", limit/2+1))
	s.write(frame(opText, half))
	s.write(frame(0x80|opContinuation, half))
	if _, end := s.read(); end == nil || end.code != 1009 {
		p.fail("fragments over the limit: %v, want 1009", end)
	}
}

func notUTF8(p *probe) {
	for _, bad := range []string{"\xff", "\xc3\x28", "\xed\xa0\x80", "\xf4\x90\x80\x80", "{\"a\":\"\xc3"} {
		s := p.plain(p.a, wallet)
		s.text(bad)
		if _, end := s.read(); end == nil || end.code != 1007 {
			p.fail("%q: %v, want 1007", bad, end)
		}
	}
}

func tooFast(p *probe) {
	const limit = 100
	s := p.plain(p.a, wallet).settled() // with the first message
	one := frame(0x80|opText, []byte(message("m", "offer", nobody, "e")))
	var burst []byte
	for range limit - 1 {
		burst = append(burst, one...)
		burst = append(burst, frame(0x80|opPing, nil)...)
	}
	s.write(burst)
	for range limit - 1 {
		s.want(missing("m"))
	}
	s.write(one)
	s.wantClose(1013, "rate limit hit, slow down")
}

func tooManyControlFrames(p *probe) {
	const more = 5000 // than a second allows, however it falls
	for _, op := range []byte{opPong, opPing} {
		s := p.plain(p.a, wallet).settled()
		_ = s.tryWrite(bytes.Repeat(frame(0x80|op, []byte("unasked")), more)) // it may be closed before all is written
		s.wantClose(1013, "too many pings or pongs, slow down")
	}
}

func protocolErrors(p *probe) {
	for name, bytes := range map[string][]byte{
		"unmasked frame":        {0x81, 0x02, '{', '}'},
		"reserved bit":          frame(0xC0|opText, []byte("{}")),
		"reserved opcode":       frame(0x83, nil),
		"reserved control":      frame(0x8B, nil),
		"fragmented ping":       frame(opPing, nil),
		"long ping":             frame(0x80|opPing, make([]byte, 126)),
		"stray continuation":    frame(0x80|opContinuation, []byte("{}")),
		"new message too early": append(frame(opText, []byte("{")), frame(0x80|opText, []byte("}"))...),
		"close body of 1 byte":  frame(0x80|opClose, []byte{3}),
		"close code 1005":       frame(0x80|opClose, closeBody(1005, "")),
		"close code 5000":       frame(0x80|opClose, closeBody(5000, "")),
	} {
		s := p.plain(p.a, wallet)
		s.write(bytes)
		if _, end := s.read(); end == nil || end.code != 1002 {
			p.fail("%s: %v, want 1002", name, end)
		}
	}
}

func echoes(p *probe) {
	s := p.plain(p.a, wallet)
	s.ping("data of the ping")
	f := s.frame()
	p.must(f.err, "read")
	want(p, "opcode of the answer to a ping", f.op, opPong)
	want(p, "data of the pong", string(f.payload), "data of the ping")
	for _, code := range []int{1000, 1001, 3999} {
		s = p.plain(p.b, wallet)
		s.control(opClose, closeBody(code, "bye"))
		if _, end := s.read(); end == nil || end.code != code {
			p.fail("close %d: %v", code, end)
		}
	}
}
