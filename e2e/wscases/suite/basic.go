package suite

import (
	"fmt"
	"strings"
)

// framing is section 1: payloads around the lengths at which the encoding of the length changes.
func framing() []Case {
	var cases []Case
	for i, kind := range kinds {
		for j, n := range []int{0, 125, 126, 127, 128, 65535, 65536} {
			payload := strings.Repeat(kind.unit, n)
			cases = append(cases, good(fmt.Sprintf("1.%d.%d", i+1, j+1), fmt.Sprintf("%s of %d", kind.name, n), list(send(kind.op, payload)), echoes(payload)...))
		}
		cases = append(cases, cases[len(cases)-1].chopped(fmt.Sprintf("1.%d.8", i+1), "997 bytes a write", 997))
	}
	return cases
}

// pings is section 2 (RFC 6455 sections 5.5.2 and 5.5.3).
func pings() []Case {
	odd, long := "\x00\xff\xfe\xfd\xfc\xfb\x00\xff", strings.Repeat("\xfe", 125)
	var ten []frame
	var answers []string
	for i := range 10 {
		answers = append(answers, fmt.Sprintf("number %d", i))
		ten = append(ten, ping(answers[i]))
	}
	longest := good("2.4", "ping of 125, no UTF-8", list(ping(long)), pongs(long)...)
	all := good("2.10", "10 pings", ten, pongs(answers...)...)
	return []Case{
		good("2.1", "empty ping", list(ping("")), pongs("")...),
		good("2.2", "ping with text", list(ping("hello there")), pongs("hello there")...),
		good("2.3", "ping, no UTF-8", list(ping(odd)), pongs(odd)...),
		longest,
		bad("2.5", "ping of 126", protocolError, list(ping(long+"\xfe"))),
		longest.chopped("2.6", "1 byte a write", 1),
		good("2.7", "empty pong that nobody asked for", list(send(opPong, ""))),
		good("2.8", "pong that nobody asked for", list(send(opPong, "unasked"))),
		good("2.9", "pong that nobody asked for, then ping", list(send(opPong, "unasked"), ping("asked")), pongs("asked")...),
		all,
		all.chopped("2.11", "1 byte a write", 1),
	}
}

// reserved is section 3: reserved bits, no extension being negotiated (RFC 6455 section 5.2).
func reserved() []Case {
	after := func(id, sent string, f frame) Case {
		return bad(id, "text, "+sent+", ping", protocolError, list(text("first"), f, ping("late")), echoes("first")...)
	}
	return []Case{
		bad("3.1", "text with RSV3", protocolError, list(send(opText|rsv3, "a"))),
		after("3.2", "text with RSV2", send(opText|rsv2, "b")),
		after("3.3", "text with RSV2 and RSV3", send(opText|rsv2|rsv3, "c")),
		after("3.4", "text with RSV1", send(opText|rsv1, "d")).chopped("3.4", "1 byte a write", 1),
		bad("3.5", "binary with RSV1 and RSV3", protocolError, list(send(opBinary|rsv1|rsv3, "\xff"))),
		bad("3.6", "ping with RSV1 and RSV2", protocolError, list(send(opPing|rsv1|rsv2, "f"))),
		bad("3.7", "close with all reserved bits", protocolError, list(send(opClose|rsv1|rsv2|rsv3, closeBody(1000, "")))),
	}
}

// opcodes is section 4: opcodes that are not defined.
func opcodes() []Case {
	var cases []Case
	for i, base := range []byte{3, 11} {
		for j := range byte(5) {
			op, id := base+j, fmt.Sprintf("4.%d.%d", i+1, j+1)
			sent, payload := fmt.Sprintf("empty frame with opcode %d", op), ""
			if j%2 == 1 {
				sent, payload = fmt.Sprintf("frame with opcode %d", op), "payload"
			}
			if j < 2 {
				cases = append(cases, bad(id, sent, protocolError, list(send(0x80|op, payload))))
				continue
			}
			c := bad(id, "text, "+sent+", ping", protocolError, list(text("first"), send(0x80|op, payload), ping("late")), echoes("first")...)
			if j == 4 {
				c = c.chopped(id, "1 byte a write", 1)
			}
			cases = append(cases, c)
		}
	}
	return cases
}
