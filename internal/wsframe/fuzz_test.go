package wsframe_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/rejoin-dev/rejoin/internal/wsframe"
	. "github.com/rejoin-dev/rejoin/internal/wsframe/wsframetest"
)

// fuzzLimit is the bound on messages while fuzzing: one that inputs reach.
const fuzzLimit = 300

// FuzzFrames wants the same events from the same bytes however they are split, and those of the oracle.
func FuzzFrames(f *testing.F) {
	for _, test := range Cases() {
		if len(test.In) < 1000 {
			f.Add(test.In, uint64(1))
		}
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		want := oracle(in)
		random := rand.New(rand.NewPCG(seed, 0))
		for _, most := range []int{len(in) + 1, 1, 1 + len(in)/3} {
			var got []string
			s := stream{maxMessage: fuzzLimit, on: func(e wsframe.Event) { got = append(got, line(e)) }}
			for rest := slices.Clone(in); len(rest) > 0; {
				n := len(rest)
				if most <= len(in) {
					n = min(n, 1+random.IntN(most))
				}
				s.feed(rest[:n])
				if s.partial != nil && s.partial.Buffered() > 2*fuzzLimit+512 {
					t.Fatalf("%d bytes held", s.partial.Buffered())
				}
				rest = rest[n:]
			}
			if !slices.Equal(got, want) {
				t.Fatalf("pieces of %d: %q, want %q", most, got, want)
			}
		}
	})
}

// line is an event as the oracle writes it. Reasons are prose, and not compared.
func line(e wsframe.Event) string {
	switch e.Kind {
	case wsframe.Message:
		return "message " + string(e.Payload)
	case wsframe.Ping:
		return "ping " + string(e.Payload)
	case wsframe.Pong:
		return "pong " + string(e.Payload)
	case wsframe.Close:
		return fmt.Sprintf("close %d", e.Code)
	case wsframe.Violation:
		return fmt.Sprintf("violation %d", e.Code)
	case wsframe.Drained, wsframe.Incomplete, wsframe.Frame:
	}
	return "not an event of the stream"
}

// oracle is what a slow reading of the RFC with gobwas/ws makes of a stream.
func oracle(in []byte) (lines []string) {
	r := bytes.NewReader(in)
	var message []byte
	state, isText := ws.StateServerSide, false
	fail := func(code uint16) { lines = append(lines, fmt.Sprintf("violation %d", code)) }
	for {
		at := len(in) - r.Len()
		h, err := ws.ReadHeader(r)
		if err == ws.ErrHeaderLengthMSB && len(in)-at < longHeader(in[at:]) {
			return lines // its mask is not there yet
		}
		switch {
		case err == ws.ErrHeaderLengthMSB:
			fail(1002)
			return lines
		case err != nil:
			return lines
		}
		short := in[at+1] & 0x7f
		tooLong := short == 126 && h.Length < 126 || short == 127 && h.Length < 1<<16
		switch {
		case ws.CheckHeader(h, state) != nil || tooLong:
			fail(1002)
			return lines
		case !h.OpCode.IsControl() && h.Length > int64(fuzzLimit-len(message)):
			fail(1009)
			return lines
		case int64(r.Len()) < h.Length && h.OpCode.IsControl():
			return lines
		}
		payload := make([]byte, min(h.Length, int64(r.Len())))
		_, _ = r.Read(payload)
		ws.Cipher(payload, h.Mask, 0)
		whole := int64(len(payload)) == h.Length
		switch h.OpCode {
		case ws.OpPing:
			lines = append(lines, "ping "+string(payload))
		case ws.OpPong:
			lines = append(lines, "pong "+string(payload))
		case ws.OpClose:
			return append(lines, closeLine(payload))
		default:
			if h.OpCode != ws.OpContinuation {
				isText, message = h.OpCode == ws.OpText, nil
			}
			message = append(message, payload...)
			state = state.Set(ws.StateFragmented)
			if isText && !startsText(message, h.Fin && whole) {
				fail(1007)
				return lines
			}
			if !whole {
				return lines
			}
			if !h.Fin {
				continue
			}
			lines = append(lines, "message "+string(message))
			state, message = state.Clear(ws.StateFragmented), nil
		}
	}
}

// startsText is whether b is UTF-8, or may become it when more follows.
func startsText(b []byte, all bool) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			return !all && !utf8.FullRune(b)
		}
		b = b[n:]
	}
	return true
}

// longHeader is how long the header with the eight byte length that b begins with is.
func longHeader(b []byte) int {
	if b[1]&0x80 != 0 {
		return 14
	}
	return 10
}

// closeLine is what the body of a close frame says.
func closeLine(body []byte) string {
	switch {
	case len(body) == 0:
		return "close 1005"
	case len(body) == 1:
		return "violation 1002"
	}
	code := binary.BigEndian.Uint16(body)
	switch {
	case code < 1000, code > 1003 && code < 1007, code > 1014 && code < 3000, code > 4999:
		return "violation 1002"
	case !utf8.Valid(body[2:]):
		return "violation 1007"
	}
	return fmt.Sprintf("close %d", code)
}
