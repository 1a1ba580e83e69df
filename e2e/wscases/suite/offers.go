package suite

import "fmt"

// offers are sections 12 and 13: extensions that a client offers and the server declines, by leaving
// Sec-WebSocket-Extensions out of its answer (RFC 6455 section 9.1); every case checks that it is not there. There
// the list compresses messages of many sizes; here a message that is sent compressed breaks a rule, as its RSV1 is reserved.
func offers() []Case {
	const deflate = "permessage-deflate"
	message := `not "compressed" <&>`
	// The same text as section 7.2.1 of RFC 7692 would send it.
	compressed := "\x4a\x4c\x44\x03\x00"
	cases := []Case{
		good("12.1.1", "offer of "+deflate, list(text(message)), echoes(message)...),
		bad("12.2.1", "offer of "+deflate+", compressed text", protocolError, list(send(opText|rsv1, compressed))),
		bad("12.3.1", "offer of "+deflate+", compressed binary", protocolError, list(send(opBinary|rsv1, compressed))),
		bad("12.4.1", "offer of "+deflate+", compressed text in fragments", protocolError, list(send(textPart|rsv1, compressed[:2]), send(opLast, compressed[2:]))),
		bad("12.5.1", "offer of "+deflate+", text in fragments, RSV1 in the second", protocolError, list(send(textPart, "a"), send(opLast|rsv1, "b"))),
	}
	for i := range cases {
		cases[i].headers = []string{extensions + deflate}
	}
	for i, offer := range []string{
		deflate + "; client_no_context_takeover; client_max_window_bits",
		deflate + "; server_no_context_takeover",
		deflate + "; server_max_window_bits=9",
		deflate + "; server_max_window_bits=15; client_max_window_bits=\"15\"",
		deflate + "; server_no_context_takeover; server_max_window_bits=9",
		deflate + "; server_no_context_takeover; server_max_window_bits=15",
		deflate + "; server_no_context_takeover; server_max_window_bits=9, " + deflate + "; server_no_context_takeover, " + deflate,
	} {
		cases = append(cases, offered(fmt.Sprintf("13.%d.1", i+1), offer))
	}
	return cases
}

const extensions = "Sec-WebSocket-Extensions: "

// offered sends an offer and goes on without.
func offered(id, offer string) Case {
	c := good(id, "offer of "+offer, list(text("plain"), bin("plain")), echoes("plain", "plain")...)
	c.headers = []string{extensions + offer}
	return c
}

// furtherOffers is section 25: extensions of which the list knows nothing, or no longer.
func furtherOffers() []Case {
	cases := []Case{
		offered("25.1", "x-webkit-deflate-frame"),
		offered("25.2", "deflate-frame"),
		offered("25.3", "permessage-bzip2, permessage-snappy"),
		offered("25.4", "x-nobody-knows-this; a=1; b=\"two\""),
		offered("25.5", "permessage-deflate, twice"),
	}
	cases[4].Sent = "offer of permessage-deflate in each of two header lines"
	cases[4].headers = []string{extensions + "permessage-deflate", extensions + "permessage-deflate; client_max_window_bits"}
	return cases
}
