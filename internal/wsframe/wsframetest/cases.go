package wsframetest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

// Case is what a client sends after the upgrade, and what comes of it.
type Case struct {
	Name     string
	In       []byte
	Messages []string
	Code     wire.CloseCode // of the server's close frame
	ByClient bool           // the client's close frame ends it, and Code answers that; otherwise the client broke a rule
}

// Bye is the close frame that ends a case that breaks no rule.
var Bye = Frame(CloseFrame, CloseBody(1000, ""))

// Limit is the bound on a message that the cases expect, in bytes.
const Limit = 64 << 10

func good(name string, in []byte, messages ...string) Case {
	return Case{Name: name, In: append(in, Bye...), Messages: messages, Code: wire.CloseNormal, ByClient: true}
}

func bad(name string, in []byte, code wire.CloseCode, messages ...string) Case {
	return Case{Name: name, In: in, Messages: messages, Code: code}
}

func closing(name string, body []byte, code wire.CloseCode) Case {
	return Case{Name: name, In: Frame(CloseFrame, body), Code: code, ByClient: true}
}

// lengthened is a masked frame whose length is written in more bytes than it needs.
func lengthened(first byte, n int, bytes int) []byte {
	b := []byte{first, 0x80 | 126}
	if bytes == 8 {
		b = []byte{first, 0x80 | 127, 0, 0, 0, 0, 0, 0}
	}
	return append(append(b, byte(n>>8), byte(n)), make([]byte, 4+n)...)
}

// Cases is the Autobahn list in short, and what that list leaves out.
func Cases() []Case {
	var cases []Case
	for _, n := range []int{0, 1, 125, 126, 127, 128, 65535, 65536} {
		payload := strings.Repeat("*", n)
		cases = append(cases,
			good(fmt.Sprintf("text of %d", n), Frame(Text, []byte(payload)), payload),
			good(fmt.Sprintf("binary of %d", n), Frame(Binary, []byte(payload)), payload))
	}
	cases = append(cases, controlCases()...)
	cases = append(cases, fragmentCases()...)
	cases = append(cases, textCases()...)
	cases = append(cases, closeCases()...)
	return append(cases, headerCases()...)
}

func controlCases() []Case {
	long := bytes.Repeat([]byte("p"), 125)
	return []Case{
		good("ping", Frame(Ping, nil)),
		good("ping of 125", Frame(Ping, long)),
		good("unsolicited pong", Frame(Pong, []byte("x"))),
		good("ten pings", bytes.Repeat(Frame(Ping, []byte("x")), 10)),
		bad("ping of 126", Frame(Ping, append(long, 'p')), wire.CloseProtocolError),
		bad("pong of 126", Frame(Pong, append(long, 'p')), wire.CloseProtocolError),
		bad("close of 126", Frame(CloseFrame, append(CloseBody(1000, ""), long[:124]...)), wire.CloseProtocolError),
		bad("fragmented ping", Frame(0x09, nil), wire.CloseProtocolError),
		bad("fragmented close", Frame(0x08, nil), wire.CloseProtocolError),
	}
}

func fragmentCases() []Case {
	half := bytes.Repeat([]byte("h"), Limit/2)
	return []Case{
		good("two fragments", Join(Frame(TextPart, []byte("ab")), Frame(Last, []byte("c"))), "abc"),
		good("binary fragments", Join(Frame(BinaryPart, []byte("a")), Frame(Part, []byte("b")), Frame(Last, []byte("c"))), "abc"),
		good("empty fragments", Join(Frame(TextPart, nil), Frame(Part, nil), Frame(Last, nil)), ""),
		good("ping between", Join(Frame(TextPart, []byte("a")), Frame(Ping, []byte("p")), Frame(Last, []byte("b"))), "ab"),
		good("pong between, then another", Join(Frame(TextPart, []byte("a")), Frame(Pong, nil), Frame(Last, []byte("b")), Frame(Text, []byte("c"))), "ab", "c"),
		good("fragments up to the limit", Join(Frame(TextPart, half), Frame(Last, half)), string(half)+string(half)),
		bad("fragments over the limit", Join(Frame(TextPart, half), Frame(Part, half), Frame(Last, []byte("x"))), wire.CloseTooBig),
		bad("continuation of nothing", Frame(Last, []byte("x")), wire.CloseProtocolError),
		bad("unfinished continuation of nothing", Frame(Part, []byte("x")), wire.CloseProtocolError),
		bad("text inside a message", Join(Frame(Text, []byte("ok")), Frame(TextPart, []byte("a")), Frame(Text, []byte("b"))), wire.CloseProtocolError, "ok"),
		bad("binary inside a message", Join(Frame(BinaryPart, []byte("a")), Frame(BinaryPart, []byte("b"))), wire.CloseProtocolError),
		bad("continuation after the last", Join(Frame(TextPart, nil), Frame(Last, []byte("a")), Frame(Last, nil)), wire.CloseProtocolError, "a"),
		{Name: "close inside a message", In: Join(Frame(TextPart, []byte("a")), Bye), Code: wire.CloseNormal, ByClient: true},
	}
}

func textCases() []Case {
	const euro = "\xe2\x82\xac"
	const edges = "\x00\x7f\u0080\u07ff\u0800\ud7ff\ue000\ufffe\uffff\U00010000\U0010ffff"
	return []Case{
		good("UTF-8", Frame(Text, []byte("κόσμε"+euro)), "κόσμε"+euro),
		good("UTF-8 across fragments", Join(Frame(TextPart, []byte(euro[:1])), Frame(Part, []byte(euro[1:2])), Frame(Last, []byte(euro[2:]))), euro),
		good("binary that is not UTF-8", Frame(Binary, []byte("\xff\xfe")), "\xff\xfe"),
		bad("no UTF-8", Frame(Text, []byte("a\xff")), wire.CloseInvalidPayload),
		bad("truncated UTF-8", Frame(Text, []byte(euro[:2])), wire.CloseInvalidPayload),
		bad("surrogate", Frame(Text, []byte("\xed\xa0\x80")), wire.CloseInvalidPayload),
		bad("overlong", Frame(Text, []byte("\xc0\xaf")), wire.CloseInvalidPayload),
		good("first and last of each length", Frame(Text, []byte(edges)), edges),
		bad("continuation byte alone", Frame(Text, []byte("\x80")), wire.CloseInvalidPayload),
		bad("overlong, three bytes", Frame(Text, []byte("\xe0\x9f\xbf")), wire.CloseInvalidPayload),
		bad("overlong, four bytes", Frame(Text, []byte("\xf0\x8f\xbf\xbf")), wire.CloseInvalidPayload),
		bad("beyond U+10FFFF", Frame(Text, []byte("\xf4\x90\x80\x80")), wire.CloseInvalidPayload),
		bad("five bytes", Frame(Text, []byte("\xf8\x88\x80\x80\x80")), wire.CloseInvalidPayload),
		// The rest never comes: text is refused at its first wrong byte, and not when it is complete.
		bad("wrong byte in an unfinished frame", Frame(Text, []byte("ab\xff"+euro))[:6+3], wire.CloseInvalidPayload),
		bad("wrong byte in an unfinished sequence", Frame(Text, []byte("\xf4\x90\x80\x80"))[:6+2], wire.CloseInvalidPayload),
		bad("wrong byte in an unfinished message", Frame(TextPart, []byte("\xed\xa0")), wire.CloseInvalidPayload),
		bad("no UTF-8 in fragments", Join(Frame(TextPart, []byte("\xe2")), Frame(Last, []byte("a"))), wire.CloseInvalidPayload),
	}
}

func closeCases() []Case {
	cases := []Case{
		closing("empty close", nil, wire.CloseNoStatus),
		closing("close with reason", CloseBody(1000, "bye κόσμε"), 1000),
		closing("close with the longest reason", CloseBody(1000, strings.Repeat("r", 123)), 1000),
		bad("close of one byte", Frame(CloseFrame, []byte{3}), wire.CloseProtocolError),
		bad("close reason no UTF-8", Frame(CloseFrame, CloseBody(1000, "\xff")), wire.CloseInvalidPayload),
		{Name: "frames after close", In: Join(Bye, Frame(Text, []byte("late")), Frame(0x83, nil)), Code: wire.CloseNormal, ByClient: true},
	}
	for _, code := range []uint16{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4001, 4999} {
		cases = append(cases, closing(fmt.Sprintf("close %d", code), CloseBody(code, ""), wire.CloseCode(code)))
	}
	for _, code := range []uint16{0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		cases = append(cases, bad(fmt.Sprintf("close %d", code), Frame(CloseFrame, CloseBody(code, "")), wire.CloseProtocolError))
	}
	return cases
}

func headerCases() []Case {
	cases := []Case{
		bad("unmasked", []byte{Text, 2, 'h', 'i'}, wire.CloseProtocolError),
		bad("unmasked close", []byte{CloseFrame, 0}, wire.CloseProtocolError),
		bad("two bytes for 125", lengthened(Text, 125, 2), wire.CloseProtocolError),
		bad("two bytes for 0", lengthened(Binary, 0, 2), wire.CloseProtocolError),
		bad("eight bytes for 65535", lengthened(Text, 65535, 8), wire.CloseProtocolError),
		bad("eight bytes for 1", lengthened(Text, 1, 8), wire.CloseProtocolError),
		bad("two bytes for a ping", lengthened(Ping, 5, 2), wire.CloseProtocolError),
		bad("too long by one", Join(Frame(Text, make([]byte, Limit+1))), wire.CloseTooBig),
		bad("announced far too long", []byte{Text, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, wire.CloseTooBig),
		bad("most significant bit of the length", []byte{Text, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4}, wire.CloseProtocolError),
	}
	for _, rsv := range []byte{0x40, 0x20, 0x10, 0x70} {
		cases = append(cases, bad(fmt.Sprintf("reserved bits %#x", rsv), Join(Frame(Text, []byte("ok")), Frame(Text|rsv, []byte("a"))), wire.CloseProtocolError, "ok"))
		cases = append(cases, bad(fmt.Sprintf("reserved bits %#x of a ping", rsv), Frame(Ping|rsv, nil), wire.CloseProtocolError))
	}
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		cases = append(cases, bad(fmt.Sprintf("opcode %d", op), Frame(0x80|op, nil), wire.CloseProtocolError))
	}
	return cases
}

// Splits are ways to cut bytes into the pieces in which they arrive.
var Splits = map[string]func([]byte) [][]byte{
	"whole": func(b []byte) [][]byte { return [][]byte{b} },
	"bytes": func(b []byte) [][]byte {
		if len(b) > 4096 {
			return randomly(b, 700) // 64 KiB byte by byte prove no more and take their time
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
