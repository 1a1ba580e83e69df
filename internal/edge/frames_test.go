package edge_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wsframe/wsframetest"
)

// TestFrames runs the cases of package wsframe over sockets: the messages that the session gets, and the close frame that the client gets.
func TestFrames(t *testing.T) {
	t.Parallel()
	hub := newHub()
	hub.quiet = true
	r := start(t, hub, nil)
	for split, cut := range wsframetest.Splits {
		for _, test := range wsframetest.Cases() {
			c, s := r.open(t)
			c.t = named{t, test.Name + ", " + split}
			for _, piece := range cut(test.In) {
				if _, err := c.Write(piece); err != nil {
					break // closed for cause before all was sent
				}
			}
			want, reason := signaling.Closure{By: signaling.ClosedForCause}, "*"
			if test.ByClient {
				want, reason = signaling.Closure{By: signaling.ClosedByClient, Code: test.Code}, ""
			}
			c.expectClose(test.Code, reason)
			if end := s.end(t); end != want {
				t.Errorf("%s, %s: ended %v, want %v", test.Name, split, end, want)
			}
			if got := s.got(); !slices.Equal(got, test.Messages) {
				t.Errorf("%s, %s: got %d messages %.80q", test.Name, split, len(got), got)
			}
		}
	}
}

// named prefixes reports with the name of a case.
type named struct {
	testing.TB
	name string
}

func (n named) Fatalf(format string, args ...any) {
	n.Helper()
	n.TB.Fatalf(n.name+": "+format, args...)
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
	eventually(t, "pong", func() bool { return slices.Equal(s.pongsGot(), []string{"position 7"}) })
}

func TestEchoOfEverySize(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), nil)
	c, _ := r.open(t)
	for _, n := range []int{0, 1, 7, 125, 126, 127, 128, 1000, 4096, 65535, 65536} {
		payload := bytes.Repeat([]byte{'a' + byte(n%26)}, n)
		c.write(frame(binaryFrame, payload))
		c.expect(text, payload) // always sent as text
	}
}
