package edge_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/rejoin-dev/rejoin/internal/edge"
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// tracer writes down what its one session hears.
type tracer struct {
	conn  signaling.Conn
	lines []string
}

func (tr *tracer) Ready(wire.RoomID) error { return nil }

func (tr *tracer) Open(conn signaling.Conn, _ wire.Connect, _ wire.Offer) edge.Session {
	tr.conn = conn
	return tr
}

func (tr *tracer) Message(payload []byte) { tr.lines = append(tr.lines, "message "+string(payload)) }
func (tr *tracer) Pong(data []byte)       { tr.lines = append(tr.lines, "pong "+string(data)) }
func (tr *tracer) Closed(signaling.End)   { tr.lines = append(tr.lines, "closed") }

// fuzzLimit is the bound on messages while fuzzing: one that inputs reach.
const fuzzLimit = 300

// FuzzFrames wants the same from the same bytes however they are split, and what a slow reading of the RFC
// with gobwas/ws says.
func FuzzFrames(f *testing.F) {
	for _, test := range frameCases() {
		if len(test.in) < 1000 {
			f.Add(test.in, uint64(1))
		}
	}
	cfg := edge.DefaultConfig()
	cfg.MaxMessageBytes, cfg.RateLimit, cfg.ControlLimit, cfg.MaxOutputBytes = fuzzLimit, 0, 0, 1<<30
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		wantLines, wantOut := oracle(in)
		random := rand.New(rand.NewPCG(seed, 0))
		for _, most := range []int{len(in) + 1, 1, 1 + len(in)/3} {
			tr := &tracer{}
			feeder := edge.NewFeeder(cfg, tr)
			for rest := in; len(rest) > 0; {
				n := len(rest)
				if most <= len(in) {
					n = min(n, 1+random.IntN(most))
				}
				feeder.Feed(rest[:n])
				if held := feeder.Buffered(); held > 2*fuzzLimit+512 {
					t.Fatalf("%d bytes held", held)
				}
				rest = rest[n:]
			}
			if !slices.Equal(tr.lines, wantLines) {
				t.Fatalf("pieces of %d: heard %q, want %q", most, tr.lines, wantLines)
			}
			if out := trim(feeder.Out()); !bytes.Equal(out, wantOut) {
				t.Fatalf("pieces of %d: wrote %x, want %x", most, out, wantOut)
			}
		}
	})
}

// trim leaves the reason out of a close frame of the edge's own, which is the last.
func trim(out []byte) []byte {
	var kept []byte
	for len(out) > 0 {
		n := 2 + int(out[1])
		if out[0] == closeFrame && n > 4 {
			return append(kept, closeFrame, 2, out[2], out[3])
		}
		kept, out = append(kept, out[:n]...), out[n:]
	}
	return kept
}

// oracle is what a session hears and a client gets for a stream of frames, read in one piece.
func oracle(in []byte) (lines []string, out []byte) {
	r := bytes.NewReader(in)
	var message []byte
	state, isText := ws.StateServerSide, false
	fail := func(code uint16) { out = append(append(out, closeFrame, 2), closeBody(code, "")...) }
	for {
		at := len(in) - r.Len()
		h, err := ws.ReadHeader(r)
		if err == ws.ErrHeaderLengthMSB && len(in)-at < edgeHeader(in[at:]) {
			return lines, out // its mask is not there yet
		}
		switch {
		case err == ws.ErrHeaderLengthMSB:
			fail(1002)
			return lines, out
		case err != nil:
			return lines, out
		}
		short := in[at+1] & 0x7f
		tooLong := short == 126 && h.Length < 126 || short == 127 && h.Length < 1<<16
		switch {
		case ws.CheckHeader(h, state) != nil || tooLong:
			fail(1002)
			return lines, out
		case !h.OpCode.IsControl() && h.Length > int64(fuzzLimit-len(message)):
			fail(1009)
			return lines, out
		case int64(r.Len()) < h.Length && h.OpCode.IsControl():
			return lines, out
		}
		payload := make([]byte, min(h.Length, int64(r.Len())))
		_, _ = r.Read(payload)
		ws.Cipher(payload, h.Mask, 0)
		whole := int64(len(payload)) == h.Length
		switch h.OpCode {
		case ws.OpPing:
			out = append(append(out, pong, byte(len(payload))), payload...)
		case ws.OpPong:
			if len(payload) > 0 { // an empty one was not asked for
				lines = append(lines, "pong "+string(payload))
			}
		case ws.OpClose:
			return lines, append(out, closeReply(payload)...)
		default:
			if h.OpCode != ws.OpContinuation {
				isText, message = h.OpCode == ws.OpText, nil
			}
			message = append(message, payload...)
			state = state.Set(ws.StateFragmented)
			if isText && !startsText(message, h.Fin && whole) {
				fail(1007)
				return lines, out
			}
			if !whole {
				return lines, out
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

// edgeHeader is how long the header with the eight byte length that b begins with is.
func edgeHeader(b []byte) int {
	if b[1]&0x80 != 0 {
		return 14
	}
	return 10
}

// closeReply is the answer to the body of a close frame.
func closeReply(body []byte) []byte {
	reply := func(code uint16) []byte { return append([]byte{closeFrame, 2}, closeBody(code, "")...) }
	if len(body) == 0 {
		return []byte{closeFrame, 0}
	}
	if len(body) == 1 {
		return reply(1002)
	}
	code := binary.BigEndian.Uint16(body)
	switch {
	case code < 1000, code > 1003 && code < 1007, code > 1014 && code < 3000, code > 4999:
		return reply(1002)
	case !utf8.Valid(body[2:]):
		return reply(1007)
	}
	return reply(code)
}

// FuzzHead wants the same end of a head however it arrives, and that net/http understands every request that
// is upgraded in the same way: what sits in front of us must not see another request than we do.
func FuzzHead(f *testing.F) {
	for _, test := range answers {
		if len(test.request) < 1000 {
			f.Add([]byte(test.request), uint16(7))
		}
	}
	f.Add([]byte(request(connect)), uint16(20))
	f.Add([]byte("\r\n\r\n"+request(connect)), uint16(3))
	f.Add([]byte("\r\n\r\n\r\n\r\n\r\n"+request(connect)), uint16(9))
	f.Add([]byte(strings.ReplaceAll(request(connect), "\r\n", "\n")), uint16(3))
	cfg := edge.DefaultConfig()
	f.Fuzz(func(t *testing.T, in []byte, at uint16) {
		end, status := edge.Judge(cfg, &tracer{}, in)
		var splits []int
		for n := range in {
			splits = append(splits, n)
		}
		for _, split := range [][]int{splits, {int(at) % (len(in) + 1)}} {
			if splitEnd, splitStatus := edge.Judge(cfg, &tracer{}, in, split...); splitEnd != end || splitStatus != status {
				t.Fatalf("end %d, status %d; split: %d, %d", end, status, splitEnd, splitStatus)
			}
		}
		if status != 101 {
			return
		}
		in, end = bytes.TrimLeft(in[:end], "\r\n"), -1 // net/http does not know RFC 9112 section 2.2
		req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(in)))
		if err != nil {
			t.Fatalf("upgraded, but: %v", err)
		}
		target := strings.Fields(string(in[:bytes.IndexByte(in, '\n')]))[1]
		if req.Method != "GET" || req.RequestURI != target || len(req.Header["Sec-Websocket-Key"]) != 1 || req.ContentLength > 0 {
			t.Fatalf("upgraded %q, but net/http reads %s", target, fmt.Sprint(req))
		}
	})
}
