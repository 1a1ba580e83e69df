package suite

import (
	"slices"
	"strings"
)

// fragments is section 5: fragmentation, with control frames in between (RFC 6455 section 5.4).
func fragments() []Case {
	return slices.Concat(fragmentedControls(), wholeFragments(), strayContinuations(), pingsBetween())
}

func fragmentedControls() []Case {
	return []Case{
		bad("5.1", "ping in two fragments", protocolError, list(send(0x09, "a"), send(opLast, "b"))),
		bad("5.2", "pong in two fragments", protocolError, list(send(0x0a, "a"), send(opLast, "b"))),
	}
}

func wholeFragments() []Case {
	two := good("5.3", "text in two fragments", list(send(textPart, "one "), send(opLast, "two")), echoes("one two")...)
	between := good("5.6", "text in two fragments, a ping between", list(send(textPart, "one "), ping("between"), send(opLast, "two")),
		reply{pong, "between"}, reply{echo, "one two"})
	return []Case{
		two,
		two.chopped("5.4", "7 bytes a write", 7),
		two.chopped("5.5", "1 byte a write", 1),
		between,
		between.chopped("5.7", "7 bytes a write", 7),
		between.chopped("5.8", "1 byte a write", 1),
	}
}

func strayContinuations() []Case {
	last := bad("5.9", "last continuation of nothing, text", protocolError, list(send(opLast, "of nothing"), text("late")))
	more := bad("5.12", "continuation of nothing, text", protocolError, list(send(opMore, "of nothing"), text("late")))
	return []Case{
		last,
		last.chopped("5.10", "7 bytes a write", 7),
		last.chopped("5.11", "1 byte a write", 1),
		more,
		more.chopped("5.13", "7 bytes a write", 7),
		more.chopped("5.14", "1 byte a write", 1),
		bad("5.15", "text in two fragments, continuation of nothing, text", protocolError,
			list(send(textPart, "one "), send(opLast, "two"), send(opMore, "of nothing"), text("late")), echoes("one two")...),
		bad("5.16", "twice: continuation of nothing, text in two fragments", protocolError, slices.Repeat(
			list(send(opMore, "of nothing"), send(textPart, "one "), send(opLast, "two")), 2)),
		bad("5.17", "twice: last continuation of nothing, text in two fragments", protocolError, slices.Repeat(
			list(send(opLast, "of nothing"), send(textPart, "one "), send(opLast, "two")), 2)),
		bad("5.18", "text in two fragments, the second a text again", protocolError, list(send(textPart, "one "), text("two"))),
	}
}

func pingsBetween() []Case {
	five := list(send(textPart, "one "), send(opMore, "two "), ping("first"), send(opMore, "three "), send(opMore, "four "), ping("second"),
		send(opLast, "five"))
	want := []reply{{pong, "first"}, {pong, "second"}, {echo, "one two three four five"}}
	waiting := good("5.19", "text in five fragments, pings between, the first pong awaited", five, want...)
	waiting.inTurn = true
	return []Case{waiting, good("5.20", "text in five fragments, pings between", five, want...)}
}

// fragmenting is section 10.
func fragmenting() []Case {
	message := strings.Repeat("*", 65536)
	return []Case{good("10.1.1", "text of 65536 in fragments of 1300", inFragments(opText, message, 1300), echoes(message)...)}
}
