package edge_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// frameCase is what a client sends after the upgrade, and what comes of it.
type frameCase struct {
	name     string
	in       []byte
	messages []string
	code     wire.CloseCode // of the server's close frame
	reason   string         // "*": any
	end      signaling.End
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// bye is how a case ends that breaks no rule.
var bye = frame(closeFrame, closeBody(1000, ""))

func good(name string, in []byte, messages ...string) frameCase {
	return frameCase{name, append(in, bye...), messages, wire.CloseNormal, "", signaling.End{Kind: signaling.EndClient, Code: 1000}}
}

func bad(name string, in []byte, code wire.CloseCode, messages ...string) frameCase {
	return frameCase{name, in, messages, code, "*", signaling.End{Kind: signaling.EndPolicy}}
}

func closing(name string, body []byte, code wire.CloseCode) frameCase {
	return frameCase{name, frame(closeFrame, body), nil, code, "", signaling.End{Kind: signaling.EndClient, Code: code}}
}

const limit = 64 << 10 // of a message, as in DefaultConfig

// lengthened is a masked frame whose length is written in more bytes than it needs.
func lengthened(first byte, n int, bytes int) []byte {
	b := []byte{first, 0x80 | 126}
	if bytes == 8 {
		b = []byte{first, 0x80 | 127, 0, 0, 0, 0, 0, 0}
	}
	return append(append(b, byte(n>>8), byte(n)), make([]byte, 4+n)...)
}

// frameCases is the Autobahn list in short, and what that list leaves out.
func frameCases() []frameCase {
	var cases []frameCase
	for _, n := range []int{0, 1, 125, 126, 127, 128, 65535, 65536} {
		payload := strings.Repeat("*", n)
		cases = append(cases,
			good(fmt.Sprintf("text of %d", n), frame(text, []byte(payload)), payload),
			good(fmt.Sprintf("binary of %d", n), frame(binaryFrame, []byte(payload)), payload))
	}
	cases = append(cases, controlCases()...)
	cases = append(cases, fragmentCases()...)
	cases = append(cases, textCases()...)
	cases = append(cases, closeCases()...)
	return append(cases, headerCases()...)
}

func controlCases() []frameCase {
	long := bytes.Repeat([]byte("p"), 125)
	return []frameCase{
		good("ping", frame(ping, nil)),
		good("ping of 125", frame(ping, long)),
		good("unsolicited pong", frame(pong, []byte("x"))),
		good("ten pings", bytes.Repeat(frame(ping, []byte("x")), 10)),
		bad("ping of 126", frame(ping, append(long, 'p')), wire.CloseProtocolError),
		bad("pong of 126", frame(pong, append(long, 'p')), wire.CloseProtocolError),
		bad("close of 126", frame(closeFrame, append(closeBody(1000, ""), long[:124]...)), wire.CloseProtocolError),
		bad("fragmented ping", frame(0x09, nil), wire.CloseProtocolError),
		bad("fragmented close", frame(0x08, nil), wire.CloseProtocolError),
	}
}

func fragmentCases() []frameCase {
	half := bytes.Repeat([]byte("h"), limit/2)
	return []frameCase{
		good("two fragments", join(frame(textPart, []byte("ab")), frame(cont, []byte("c"))), "abc"),
		good("binary fragments", join(frame(binPart, []byte("a")), frame(part, []byte("b")), frame(cont, []byte("c"))), "abc"),
		good("empty fragments", join(frame(textPart, nil), frame(part, nil), frame(cont, nil)), ""),
		good("ping between", join(frame(textPart, []byte("a")), frame(ping, []byte("p")), frame(cont, []byte("b"))), "ab"),
		good("pong between, then another", join(frame(textPart, []byte("a")), frame(pong, nil), frame(cont, []byte("b")), frame(text, []byte("c"))), "ab", "c"),
		good("fragments up to the limit", join(frame(textPart, half), frame(cont, half)), string(half)+string(half)),
		bad("fragments over the limit", join(frame(textPart, half), frame(part, half), frame(cont, []byte("x"))), wire.CloseTooBig),
		bad("continuation of nothing", frame(cont, []byte("x")), wire.CloseProtocolError),
		bad("unfinished continuation of nothing", frame(part, []byte("x")), wire.CloseProtocolError),
		bad("text inside a message", join(frame(text, []byte("ok")), frame(textPart, []byte("a")), frame(text, []byte("b"))), wire.CloseProtocolError, "ok"),
		bad("binary inside a message", join(frame(binPart, []byte("a")), frame(binPart, []byte("b"))), wire.CloseProtocolError),
		bad("continuation after the last", join(frame(textPart, nil), frame(cont, []byte("a")), frame(cont, nil)), wire.CloseProtocolError, "a"),
		{
			"close inside a message", join(frame(textPart, []byte("a")), bye), nil,
			1000, "",
			signaling.End{Kind: signaling.EndClient, Code: 1000},
		},
	}
}

func textCases() []frameCase {
	euro := "\xe2\x82\xac"
	return []frameCase{
		good("UTF-8", frame(text, []byte("κόσμε"+euro)), "κόσμε"+euro),
		good("UTF-8 across fragments", join(frame(textPart, []byte(euro[:1])), frame(part, []byte(euro[1:2])), frame(cont, []byte(euro[2:]))), euro),
		good("binary that is no UTF-8", frame(binaryFrame, []byte("\xff\xfe")), "\xff\xfe"),
		bad("no UTF-8", frame(text, []byte("a\xff")), wire.CloseInvalidPayload),
		bad("truncated UTF-8", frame(text, []byte(euro[:2])), wire.CloseInvalidPayload),
		bad("surrogate", frame(text, []byte("\xed\xa0\x80")), wire.CloseInvalidPayload),
		bad("overlong", frame(text, []byte("\xc0\xaf")), wire.CloseInvalidPayload),
		bad("no UTF-8 in fragments", join(frame(textPart, []byte("\xe2")), frame(cont, []byte("a"))), wire.CloseInvalidPayload),
	}
}

func closeCases() []frameCase {
	cases := []frameCase{
		closing("empty close", nil, wire.CloseNoStatus),
		closing("close with reason", closeBody(1000, "bye κόσμε"), 1000),
		closing("close with the longest reason", closeBody(1000, strings.Repeat("r", 123)), 1000),
		bad("close of one byte", frame(closeFrame, []byte{3}), wire.CloseProtocolError),
		bad("close reason no UTF-8", frame(closeFrame, closeBody(1000, "\xff")), wire.CloseInvalidPayload),
		{
			"frames after close", join(bye, frame(text, []byte("late")), frame(0x83, nil)), nil,
			1000, "",
			signaling.End{Kind: signaling.EndClient, Code: 1000},
		},
	}
	for _, code := range []uint16{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4001, 4999} {
		cases = append(cases, closing(fmt.Sprintf("close %d", code), closeBody(code, ""), wire.CloseCode(code)))
	}
	for _, code := range []uint16{0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		cases = append(cases, bad(fmt.Sprintf("close %d", code), frame(closeFrame, closeBody(code, "")), wire.CloseProtocolError))
	}
	return cases
}

func headerCases() []frameCase {
	cases := []frameCase{
		bad("unmasked", []byte{text, 2, 'h', 'i'}, wire.CloseProtocolError),
		bad("unmasked close", []byte{closeFrame, 0}, wire.CloseProtocolError),
		bad("two bytes for 125", lengthened(text, 125, 2), wire.CloseProtocolError),
		bad("two bytes for 0", lengthened(binaryFrame, 0, 2), wire.CloseProtocolError),
		bad("eight bytes for 65535", lengthened(text, 65535, 8), wire.CloseProtocolError),
		bad("eight bytes for 1", lengthened(text, 1, 8), wire.CloseProtocolError),
		bad("two bytes for a ping", lengthened(ping, 5, 2), wire.CloseProtocolError),
		bad("too long by one", join(frame(text, make([]byte, limit+1))), wire.CloseTooBig),
		bad("announced far too long", []byte{text, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, wire.CloseTooBig),
		bad("most significant bit of the length", []byte{text, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4}, wire.CloseProtocolError),
	}
	for _, rsv := range []byte{0x40, 0x20, 0x10, 0x70} {
		cases = append(cases, bad(fmt.Sprintf("reserved bits %#x", rsv), join(frame(text, []byte("ok")), frame(text|rsv, []byte("a"))), wire.CloseProtocolError, "ok"))
		cases = append(cases, bad(fmt.Sprintf("reserved bits %#x of a ping", rsv), frame(ping|rsv, nil), wire.CloseProtocolError))
	}
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		cases = append(cases, bad(fmt.Sprintf("opcode %d", op), frame(0x80|op, nil), wire.CloseProtocolError))
	}
	return cases
}

// splits cuts bytes into the pieces that are written one by one.
var splits = map[string]func([]byte) [][]byte{
	"whole": func(b []byte) [][]byte { return [][]byte{b} },
	"bytes": func(b []byte) [][]byte {
		if len(b) > 4096 {
			return randomly(b, 700) // a write each for 64 KiB proves no more and takes its time
		}
		return randomly(b, 1)
	},
	"random": func(b []byte) [][]byte { return randomly(b, 9+len(b)/20) },
}

func randomly(b []byte, most int) [][]byte {
	var pieces [][]byte
	for len(b) > 0 {
		n := min(len(b), 1+rand.IntN(most))
		pieces, b = append(pieces, b[:n]), b[n:]
	}
	return pieces
}

func TestFrames(t *testing.T) {
	t.Parallel()
	hub := newHub()
	hub.quiet = true
	r := start(t, hub, nil)
	for split, cut := range splits {
		for _, test := range frameCases() {
			c, s := r.open(t)
			c.t = named{t, test.name + ", " + split}
			for _, piece := range cut(test.in) {
				if _, err := c.Write(piece); err != nil {
					break // closed for cause before all was sent
				}
			}
			c.expectClose(test.code, test.reason)
			if end := s.end(t); end != test.end {
				t.Errorf("%s, %s: ended %v, want %v", test.name, split, end, test.end)
			}
			if got := s.got(); !equal(got, test.messages) {
				t.Errorf("%s, %s: got %d messages %.80q", test.name, split, len(got), got)
			}
		}
	}
}

// named puts the name of a case before what is reported.
type named struct {
	testing.TB
	name string
}

func (n named) Fatalf(format string, args ...any) {
	n.Helper()
	n.TB.Fatalf(n.name+": "+format, args...)
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestPong(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), nil)
	c, s := r.open(t)
	for _, payload := range [][]byte{nil, []byte("a"), bytes.Repeat([]byte("p"), 125)} {
		c.write(join(frame(textPart, []byte("x")), frame(ping, payload), frame(cont, []byte("y"))))
		c.expect(pong, payload)
		c.expect(text, []byte("xy"))
	}
	s.conn.Ping([]byte("position 7"))
	c.expect(ping, []byte("position 7"))
	c.write(frame(pong, []byte("position 7")))
	eventually(t, "pong", func() bool { return equal(s.pongsGot(), []string{"position 7"}) })
}

func TestEchoOfEverySize(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), nil)
	c, _ := r.open(t)
	for _, n := range []int{0, 1, 7, 125, 126, 127, 128, 1000, 4096, 65535, 65536} {
		payload := bytes.Repeat([]byte{'a' + byte(n%26)}, n)
		c.write(frame(binaryFrame, payload))
		c.expect(text, payload) // text whatever came
	}
}
