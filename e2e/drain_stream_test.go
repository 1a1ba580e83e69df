package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// TestDrainLosesNothingOnItsWay: clients of an instance that drains go on sending until they read its close frame. All that they wrote
// until then arrives, in order, although they never send anything again. R16, R19.
func TestDrainLosesNothingOnItsWay(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	redis := "REDIS_URL=" + redistest.Server(t)
	// Ten times a second at most it is known what a plain wallet has: so many messages need room in its mailbox.
	settings := []string{redis, "PEERJS_PATH=/", "RATE_LIMIT_MESSAGES=0", "MAILBOX_MESSAGES=4096", "DRAIN_TIMEOUT=2s"}
	x, y := proctest.Start(t, settings...), proctest.Start(t, settings...)

	var streams []*stream
	for _, source := range []string{client.Wallet, client.Extension} {
		other := client.Extension
		if source == client.Extension {
			other = client.Wallet
		}
		room := newRoom()
		receiver := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: other, Plain: true})
		sender := dialPeerJS(ctx, t, y.Addr(), "/"+room+"?source="+source+"&target="+other)
		receiver.meet()
		to := <-sender.frames // that the receiver is there already
		to = to[strings.Index(to, `remoteClientId":"`)+len(`remoteClientId":"`):][:36]
		streams = append(streams, newStream(ctx, sender, func(n int) string {
			return fmt.Sprintf(`{"requestId":"%d","method":"iceCandidate","targetClientId":%q,"encryptedPayload":"%d"}`, n, to, n)
		}, func() string {
			for {
				ev, err := receiver.Next(ctx)
				if err != nil {
					return ""
				}
				if data, ok := ev.(client.Data); ok {
					return data.Payload
				}
			}
		}))
	}
	receiver := becomes(ctx, t, x.Addr(), "receiver-"+newRoom(), "r")
	sender := becomes(ctx, t, y.Addr(), "sender-"+newRoom(), "s")
	streams = append(streams, newStream(ctx, sender, func(n int) string {
		return fmt.Sprintf(`{"type":"CANDIDATE","payload":"%d","dst":%q}`, n, receiver.id)
	}, func() string {
		select {
		case text := <-receiver.frames:
			return strings.Trim(text[strings.LastIndex(text, ":")+1:], `"}`)
		case <-ctx.Done():
			return ""
		}
	}))

	for _, s := range streams {
		s.read(t, 50)
	}
	y.Terminate()
	for _, s := range streams {
		s.read(t, -1)
	}
	if err := y.Wait(ctx); err != nil {
		t.Errorf("the drained process ended with %v", err)
	}
}

// stream is what one client writes for another one, numbered from 0.
type stream struct {
	ctx     context.Context
	sender  *peerJS
	message func(n int) string
	arrived chan string   // what the receiver got
	got     int           // of these
	ahead   chan struct{} // bounds how far the sender is ahead of the receiver
	written chan int      // how many there are in all, once the sender cannot write any more
}

// newStream begins to write. next waits for the next message at the receiver; "" is the end of the test.
func newStream(ctx context.Context, sender *peerJS, message func(int) string, next func() string) *stream {
	s := &stream{ctx, sender, message, make(chan string, 16), 0, make(chan struct{}, 16), make(chan int, 1)}
	go s.write()
	go s.ignoreAnswers()
	go func() {
		for text := next(); text != ""; text = next() {
			s.arrived <- text
		}
	}()
	return s
}

func (s *stream) write() {
	for n := 0; ; n++ {
		select {
		case s.ahead <- struct{}{}:
		case <-s.ctx.Done():
		}
		if s.sender.Write(s.ctx, websocket.MessageText, []byte(s.message(n))) != nil {
			s.written <- n
			return
		}
	}
}

func (s *stream) ignoreAnswers() {
	for {
		select {
		case <-s.sender.frames:
		case <-s.ctx.Done():
			return
		}
	}
}

// read checks what arrives, until there are n messages, or all.
func (s *stream) read(t *testing.T, n int) {
	t.Helper()
	for s.got != n {
		select {
		case text := <-s.arrived:
			if text != fmt.Sprint(s.got) {
				t.Fatalf("message %d: got %s", s.got, text)
			}
			s.got++
			<-s.ahead
		case n = <-s.written:
		case <-s.ctx.Done():
			t.Fatalf("%s: got %d messages of %d, %d under way", s.message(0), s.got, n, len(s.ahead))
		}
	}
}
