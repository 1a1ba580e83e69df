package suite

import (
	"slices"
	"strings"
)

// kosme is Greek for "world", with letters of two and three bytes.
const kosme = "κ\u1f79σμε"

// texts is section 6: text is UTF-8, and nothing else is (RFC 6455 section 8.1, RFC 3629).
func texts() []Case {
	return slices.Concat(emptyFragments(), validFragments(), invalidFragments(), failFast(), sequences())
}

func emptyFragments() []Case {
	return []Case{
		good("6.1.1", "empty text", list(text("")), echoes("")...),
		good("6.1.2", "text in three fragments, all empty", list(send(textPart, ""), send(opMore, ""), send(opLast, "")), echoes("")...),
		good("6.1.3", "text in three fragments, the first and the last empty",
			list(send(textPart, ""), send(opMore, "middle"), send(opLast, "")), echoes("middle")...),
	}
}

func validFragments() []Case {
	message := "Hello-µ@ßöäüàá-UTF-8!!"
	at := strings.Index(message, "ö")
	return []Case{
		good("6.2.1", "UTF-8", list(text(message)), echoes(message)...),
		good("6.2.2", "UTF-8 in two fragments, cut between characters", list(send(textPart, message[:at]), send(opLast, message[at:])), echoes(message)...),
		good("6.2.3", "UTF-8 in fragments of one byte", inFragments(opText, message, 1), echoes(message)...),
		good("6.2.4", "letters of three bytes in fragments of one byte", inFragments(opText, kosme, 1), echoes(kosme)...),
	}
}

// broken is UTF-8 up to a surrogate, and again behind it.
const broken = kosme + "\xed\xa0\x80" + "edited"

func invalidFragments() []Case {
	return []Case{
		bad("6.3.1", "no UTF-8", notUTF8, list(text(broken))),
		bad("6.3.2", "no UTF-8, in fragments of one byte", notUTF8, inFragments(opText, broken, 1)),
	}
}

// failFast is whether text is refused before it is complete. A ping behind what is no UTF-8 would be answered if it were not.
// The last two cannot show it: their ends are near.
func failFast() []Case {
	at := len(kosme)
	beyond := kosme + "\xf4\x90\x80\x80" + "edited" // the first code point that there is not
	late := func(id, sent, message string, first, second int) Case {
		return bad(id, sent, notUTF8, list(send(textPart, message[:first]), send(opMore, message[first:second]), ping("still there?"),
			send(opLast, message[second:])))
	}
	return []Case{
		late("6.4.1", "text in three fragments, no UTF-8 in the second; a ping before the third", beyond, at, at+4),
		late("6.4.2", "text in three fragments, cut inside of what is no UTF-8; a ping before the third", beyond, at+1, at+2),
		bad("6.4.3", "text, no UTF-8", notUTF8, list(text(beyond))).chopped("6.4.3", "cut behind that", 6+at+4),
		bad("6.4.4", "text, no UTF-8", notUTF8, list(text(beyond))).chopped("6.4.4", "cut inside of that", 6+at+2),
	}
}
