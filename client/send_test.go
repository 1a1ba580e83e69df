package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/client"
)

func TestSendReturnsTheAnswer(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c, conn := dial(t, s, fast(s), func(c *conn) { c.fresh("t1") })
	for _, tc := range []struct {
		answer string
		want   error
	}{
		{`{"info":"confirmation","requestId":"x"}`, nil},
		{`{"info":"missingRemoteClientError","requestId":"x"}`, client.ErrMissingRemoteClient},
		{`{"info":"mailboxFullError","requestId":"x"}`, client.ErrMailboxFull},
	} {
		p := post(t, c, "x")
		conn.wantRequest("x")
		conn.write("%s", tc.answer)
		if err := settled(t, p); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.answer, err, tc.want)
		}
	}
	p := post(t, c, "x")
	conn.wantRequest("x")
	conn.write(`{"info":"validationError","requestId":"x","error":[{"path":["method"]}]}`)
	var invalid *client.ValidationError
	if err := settled(t, p); !errors.As(err, &invalid) || string(invalid.Issues) != `[{"path":["method"]}]` {
		t.Errorf("validation: %v", err)
	}
}

func TestSendCarriesAllFields(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	cfg := fast(s)
	cfg.Binary = true
	c, conn := dial(t, s, cfg, func(c *conn) { c.fresh("t1") })
	done := make(chan error, 1)
	go func() {
		done <- c.Send(t.Context(), client.Message{
			Method: "answer", Target: "peer", EncryptedPayload: "<&>", Extra: map[string]any{"startAt": 7, "method": "not this one"},
		})
	}()
	m := conn.read()
	if m.Method != "answer" || m.Target != "peer" || m.Payload != "<&>" || m.StartAt != 7 || m.RequestID == "" || !m.binary {
		t.Errorf("sent %+v", m)
	}
	conn.confirm(m.RequestID)
	if err := <-done; err != nil {
		t.Errorf("send: %v", err)
	}
	if want := "/" + room + "?source=extension&target=wallet"; conn.query != want {
		t.Errorf("connected to %s, want %s", conn.query, want)
	}
}

func TestPostRefusesWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	cfg := fast(s)
	cfg.Outbox = 1
	c, conn := dial(t, s, cfg, func(c *conn) { c.fresh("t1") })
	big := client.Message{RequestID: "big", Method: "offer", EncryptedPayload: strings.Repeat("x", 65536)}
	if _, err := c.Post(t.Context(), big); !errors.Is(err, client.ErrTooBig) {
		t.Errorf("too big: %v", err)
	}
	p := post(t, c, "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Post(ctx, client.Message{}); !errors.Is(err, context.Canceled) {
		t.Errorf("full outbox: %v", err)
	}
	conn.wantRequest("a")
	conn.confirm("a")
	if err := settled(t, p); err != nil {
		t.Error(err)
	}
}

func TestSendGivenUpIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c, conn := dial(t, s, fast(s), func(c *conn) { c.fresh("t1") })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Send(ctx, client.Message{RequestID: "given up", Method: "offer"}) }()
	conn.wantRequest("given up")
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("send: %v", err)
	}
	post(t, c, "kept")
	conn.wantRequest("kept")
	conn.drop()
	conn = s.next(t)
	conn.resumed("t2")
	conn.wantAck("0-0")
	conn.wantRequest("kept")
}

func TestRetryErrorPausesAndRepeatsInOrder(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c, conn := dial(t, s, fast(s), func(c *conn) { c.fresh("t1") })
	a, b := post(t, c, "a"), post(t, c, "b")
	conn.wantRequest("a")
	conn.wantRequest("b")
	conn.write(`{"info":"retryError","requestId":"a","retryInMs":20}`)
	conn.wantRequest("a")
	conn.wantRequest("b")
	conn.confirm("a")
	conn.confirm("b")
	for _, p := range []*client.Pending{a, b} {
		if err := settled(t, p); err != nil {
			t.Error(err)
		}
	}
}

func TestSendingStaysBelowTheRate(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	cfg := fast(s)
	cfg.Rate = 20
	c, conn := dial(t, s, cfg, func(c *conn) { c.fresh("t1") })
	before := time.Now() // the first is read some time after it was sent
	for range cfg.Rate + 1 {
		post(t, c, "")
	}
	for range cfg.Rate + 1 {
		conn.read()
	}
	if took := time.Since(before); took < time.Second {
		t.Errorf("%d frames within %v", cfg.Rate+1, took)
	}
}
