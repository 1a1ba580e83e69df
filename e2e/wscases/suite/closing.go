package suite

import (
	"fmt"
	"slices"
	"strings"
)

// closing is section 7: the close handshake (RFC 6455 sections 5.5.1, 7.1 and 7.4).
func closing() []Case {
	return slices.Concat(closeOrder(), closeBodies(), closeCodes())
}

// closeOrder is 7.1: what comes behind a close frame is not looked at.
func closeOrder() []Case {
	bye, large := closeWith(1000, ""), strings.Repeat("*", 65536)
	return []Case{
		bad("7.1.1", "text, close", normal, list(text("first"), bye), echoes("first")...),
		bad("7.1.2", "two close frames", normal, list(bye, bye)),
		bad("7.1.3", "close, ping", normal, list(bye, ping("late"))),
		bad("7.1.4", "close, text", normal, list(bye, text("late"))),
		bad("7.1.5", "first fragment of a text, close, second fragment", normal, list(send(textPart, "one "), bye, send(opLast, "two"))),
		bad("7.1.6", "text of 65536, close, ping", normal, list(text(large), bye, ping("late")), echoes(large)...),
	}
}

func closeBodies() []Case {
	return []Case{
		bad("7.3.1", "close without a body", empty, list(send(opClose, ""))),
		bad("7.3.2", "close with a body of one byte", protocolError, list(send(opClose, "\x03"))),
		bad("7.3.3", "close 1000", normal, list(closeWith(1000, ""))),
		bad("7.3.4", "close 1000 with a reason", normal, list(closeWith(1000, "done"))),
		bad("7.3.5", "close 1000 with a reason of 123", normal, list(closeWith(1000, strings.Repeat("r", 123)))),
		bad("7.3.6", "close 1000 with a reason of 124", protocolError, list(closeWith(1000, strings.Repeat("r", 124)))),
		bad("7.5.1", "close with a reason that is no UTF-8", notUTF8, list(closeWith(1000, broken))),
	}
}

func closeCodes() []Case {
	var cases []Case
	for i, code := range []uint16{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		cases = append(cases, closeCode(fmt.Sprintf("7.7.%d", i+1), code, true))
	}
	for i, code := range []uint16{0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999} {
		cases = append(cases, closeCode(fmt.Sprintf("7.9.%d", i+1), code, false))
	}
	for i, code := range []uint16{5000, 65535} {
		cases = append(cases, closeCode(fmt.Sprintf("7.13.%d", i+1), code, false))
	}
	return cases
}

// closeCode is a close frame with that code, which comes back when it may be sent.
func closeCode(id string, code uint16, may bool) Case {
	end := protocolError
	if may {
		end = endOf(code)
	}
	return bad(id, fmt.Sprintf("close %d", code), end, list(closeWith(code, "")))
}

func endOf(code uint16) end { return end(code) }
