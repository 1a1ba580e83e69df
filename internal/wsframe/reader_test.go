package wsframe_test

import (
	"bytes"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/internal/wsframe"
	. "github.com/rejoin-dev/rejoin/internal/wsframe/wsframetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stream is what one client sends, and what its frames said.
type stream struct {
	maxMessage int
	partial    *wsframe.Partial // nil while nothing is incomplete
	spare      wsframe.Partial
	frames     int
	messages   int
	on         func(wsframe.Event) // each event that is not about memory
	over       bool
}

// feed reads one piece, as the edge does. b is changed.
func (s *stream) feed(b []byte) {
	r := wsframe.NewReader(b, s.partial, s.maxMessage)
	for !s.over {
		switch e := r.Next(); e.Kind {
		case wsframe.Drained:
			return
		case wsframe.Incomplete:
			s.partial = &s.spare
			r.Lend(s.partial)
			continue
		case wsframe.Frame:
			s.frames++
			continue
		case wsframe.Message:
			s.messages++
			s.on(e)
		case wsframe.Close, wsframe.Violation:
			s.over = true
			s.on(e)
		case wsframe.Ping, wsframe.Pong:
			s.on(e)
		}
		if s.partial != nil && s.partial.Empty() {
			s.partial.Reset(4 << 10)
			s.partial = nil
			r.Lend(nil)
		}
	}
}

// TestCases reads every case in one piece, in bytes and in random pieces.
func TestCases(t *testing.T) {
	t.Parallel()
	for split, cut := range Splits {
		for _, test := range Cases() {
			var messages []string
			var last wsframe.Event
			s := stream{maxMessage: Limit, on: func(e wsframe.Event) {
				if last = e; e.Kind == wsframe.Message {
					messages = append(messages, string(e.Payload))
				}
			}}
			for _, piece := range cut(slices.Clone(test.In)) {
				s.feed(piece)
			}
			want := wsframe.Violation
			if test.ByClient {
				want = wsframe.Close
			}
			if last.Kind != want || last.Code != test.Code {
				t.Errorf("%s, %s: ended by %d with %d %q, want %d with %d", test.Name, split, last.Kind, last.Code, last.Reason, want, test.Code)
			}
			if !slices.Equal(messages, test.Messages) {
				t.Errorf("%s, %s: got %d messages %.80q", test.Name, split, len(messages), messages)
			}
		}
	}
}

// TestFramesAreAnnounced: a data frame is announced by its header, before its payload: a caller that counts frames can refuse one
// without waiting for it.
func TestFramesAreAnnounced(t *testing.T) {
	t.Parallel()
	s := stream{maxMessage: Limit, on: func(wsframe.Event) {}}
	message := Frame(Text, []byte("abc"))
	s.feed(slices.Clone(message[:6]))
	if s.frames != 1 || s.messages != 0 {
		t.Errorf("%d frames and %d messages behind a header", s.frames, s.messages)
	}
	s.feed(Join(slices.Clone(message[6:]), Frame(TextPart, nil), Frame(Ping, nil), Frame(Last, nil), Frame(Binary, nil)))
	if s.frames != 4 || s.messages != 3 {
		t.Errorf("%d frames and %d messages", s.frames, s.messages)
	}
}

// TestAnnouncedLengthCostsNothing: a client that announces a message gets a buffer for what it has sent of it.
func TestAnnouncedLengthCostsNothing(t *testing.T) {
	t.Parallel()
	s := stream{maxMessage: 1 << 20, on: func(wsframe.Event) {}}
	s.feed(Frame(Text, make([]byte, 1<<20))[:100])
	if n := s.partial.Buffered(); n > 1<<10 {
		t.Errorf("%d bytes for a message of which 86 have come", n)
	}
}

func TestReadingDoesNotAllocate(t *testing.T) {
	payload := bytes.Repeat([]byte("x"), 1000)
	whole := Frame(Text, payload)
	for name, pieces := range map[string][][]byte{
		"whole":     {whole},
		"split":     {whole[:3], whole[3:500], whole[500:]},
		"fragments": {Frame(TextPart, payload), Frame(Ping, payload[:10]), Frame(Last, payload)},
		"control":   {Frame(Ping, payload[:125]), Frame(Pong, payload[:20])},
	} {
		s := stream{maxMessage: Limit, on: func(wsframe.Event) {}}
		var in [2000]byte
		once := func() {
			for _, piece := range pieces {
				s.feed(in[:copy(in[:], piece)])
			}
		}
		once() // the second time there is a buffer
		if n := testing.AllocsPerRun(100, once); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestAppendClose(t *testing.T) {
	t.Parallel()
	if got := wsframe.AppendClose(nil, wire.CloseNoStatus, "ignored"); !bytes.Equal(got, []byte{CloseFrame, 0}) {
		t.Errorf("without a code: %x", got)
	}
	got := wsframe.AppendClose(nil, wire.CloseNormal, string(bytes.Repeat([]byte("r"), 200)))
	if len(got) != 2+wsframe.MaxControlPayload || got[1] != wsframe.MaxControlPayload {
		t.Errorf("a long reason: %d bytes, %x", len(got), got[:2])
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 125, 126, 65535, 65536} {
		if got := len(wsframe.Append(nil, wsframe.OpText, make([]byte, n))); got != wsframe.Size(n) {
			t.Errorf("%d bytes of payload make %d, not %d", n, got, wsframe.Size(n))
		}
	}
}

func BenchmarkReader(b *testing.B) {
	for name, size := range map[string]int{"100B": 100, "1KB": 1000, "16KB": 16 << 10} {
		b.Run(name, func(b *testing.B) {
			frame := Frame(Text, bytes.Repeat([]byte("x"), size))
			in := make([]byte, len(frame))
			s := stream{maxMessage: Limit, on: func(wsframe.Event) {}}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				copy(in, frame)
				s.feed(in)
			}
		})
	}
}
