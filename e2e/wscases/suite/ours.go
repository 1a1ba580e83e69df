package suite

import (
	"fmt"
	"slices"
	"strings"
)

// ours are the sections from 20 on: what the list leaves out, and what is ours.
func ours() []Case {
	return slices.Concat(lengths(), masks(), tooLarge(), registeredCodes(), early(), furtherOffers(), relayed())
}

// lengths is section 20: a length is written in as few bytes as it can be (RFC 6455 section 5.2).
func lengths() []Case {
	spread := func(id, sent string, first byte, n, length int) Case {
		return bad(id, sent, protocolError, list(frame{first: first, payload: strings.Repeat("*", n), length: length}))
	}
	return []Case{
		spread("20.1", "text of 0, its length in two bytes", opText, 0, 2),
		spread("20.2", "text of 125, its length in two bytes", opText, 125, 2),
		spread("20.3", "binary of 1, its length in eight bytes", opBinary, 1, 8),
		spread("20.4", "text of 65535, its length in eight bytes", opText, 65535, 8),
		spread("20.5", "ping of 5, its length in two bytes", opPing, 5, 2),
		spread("20.6", "close of 2, its length in eight bytes", opClose, 2, 8),
		bad("20.7", "length with its most significant bit set", protocolError, list(frame{raw: "\x81\xff\x80\x00\x00\x00\x00\x00\x00\x01mask*"})),
	}
}

// masks is section 21: a client masks (RFC 6455 section 5.1).
func masks() []Case {
	unmasked := func(id, sent string, f frame) Case {
		f.mask = noMask
		return bad(id, sent, protocolError, list(f))
	}
	zero := text("in the open")
	zero.mask = zeroMask
	return []Case{
		unmasked("21.1", "text without a mask", text("naked")),
		unmasked("21.2", "empty ping without a mask", ping("")),
		unmasked("21.3", "close without a mask", closeWith(1000, "")),
		good("21.4", "text with a mask of zeros", list(zero), echoes("in the open")...),
	}
}

// tooLarge is section 22: a message has 64 KiB at most, and what is too large is refused by its announcement.
func tooLarge() []Case {
	const limit = 64 << 10
	full := strings.Repeat("*", limit)
	half := full[:limit/2]
	return []Case{
		bad("22.1", "text of 65537", tooBig, list(text(full+"*"))),
		bad("22.2", "binary of 65537", tooBig, list(bin(full+"*"))),
		bad("22.3", "text of 65537, of which the header is sent", tooBig, list(frame{raw: "\x81\xff\x00\x00\x00\x00\x00\x01\x00\x01mask"})),
		bad("22.4", "text of 2^63-1, of which the header is sent", tooBig, list(frame{raw: "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xffmask"})),
		bad("22.5", "text of 65537 in fragments, a ping between", tooBig, list(send(textPart, half), ping("so far"), send(opMore, half), send(opLast, "*")), pongs("so far")...),
		good("22.6", "text of 65536 in fragments, the last empty", list(send(textPart, half), send(opMore, half), send(opLast, "")), echoes(full)...),
		good("22.7", "three messages of 21846, together larger than one may be", slices.Repeat(list(text(full[:21846])), 3), echoes(slices.Repeat([]string{full[:21846]}, 3)...)...),
	}
}

// registeredCodes is section 23: codes registered since, or of ours, and those that never stand in a frame.
func registeredCodes() []Case {
	var cases []Case
	for i, code := range []uint16{1012, 1013, 1014, 4001} {
		cases = append(cases, closeCode(fmt.Sprintf("23.%d", i+1), code, true))
	}
	for i, code := range []uint16{1, 1015} {
		cases = append(cases, closeCode(fmt.Sprintf("23.%d", i+5), code, false))
	}
	return cases
}

// early is section 24: frames that leave with the upgrade request, before its answer is there.
func early() []Case {
	cases := []Case{
		good("24.1", "text with the request", list(text("early")), echoes("early")...),
		good("24.2", "text in fragments with the request, a ping between", list(send(textPart, "ear"), ping("p"), send(opLast, "ly")), reply{pong, "p"}, reply{echo, "early"}),
		bad("24.3", "close with the request", normal, list(closeWith(1000, ""))),
		bad("24.4", "text without a mask with the request", protocolError, list(frame{first: opText, payload: "naked", mask: noMask})),
	}
	for i := range cases {
		cases[i].glued = true
	}
	return cases
}

// relayed is section 26: messages of the protocol, in every form that frames give them.
func relayed() []Case {
	offer := func(id, target string) string {
		return `{"requestId":"` + id + `","method":"offer","targetClientId":"` + target + `","encryptedPayload":"κόσμε"}`
	}
	toPeer := offer("a", "{peer}")
	cases := []Case{
		good("26.1", "offer to the peer as text", list(text(toPeer)), reply{confirmation, `"a"`}),
		good("26.2", "offer to the peer as binary", list(bin(toPeer)), reply{confirmation, `"a"`}),
		good("26.3", "offer to the peer in three fragments, pings between", list(send(textPart, toPeer[:20]), ping("1"), send(opMore, toPeer[20:30]),
			ping("2"), send(opLast, toPeer[30:])), reply{pong, "1"}, reply{pong, "2"}, reply{confirmation, `"a"`}),
		good("26.4", "offer to nobody", list(text(offer("b", "nobody"))), reply{missing, `"b"`}),
		good("26.5", "JSON that is no message", list(text(`{"method":"offer"}`), bin("[]")), reply{invalid, "requestId"}, reply{invalid, ""}),
		bad("26.6", "offer that is no UTF-8 as text", notUTF8, list(text(strings.Replace(toPeer, "κ", "\xce", 1)))),
	}
	for i := range 3 {
		cases[i].relayed = toPeer
	}
	return cases
}
