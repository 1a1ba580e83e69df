package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// subprotocol names the session dialect (rule R1.1).
const subprotocol = "rejoin.v1"

// link is one connection. The client moves from link to link.
type link struct {
	// static
	ws      *websocket.Conn
	ctx     context.Context // ends when the connection is abandoned
	cancel  context.CancelFunc
	began   time.Time
	silence time.Duration // negative: not probed
	opening *frame        // the session frame; nil in the plain dialect

	// heard is when the last frame arrived, as an offset from began in nanoseconds.
	heard atomic.Int64
	// held: the reader is waiting for the application.
	held atomic.Bool

	// owned by the writer
	pace pace

	wake       chan struct{} // something to write, or to wait for, has changed
	move       chan GoAway   // the server asked to move; capacity 1
	writerDone chan struct{}
	done       chan struct{} // reader and writer have ended

	mu  sync.Mutex
	err error // why the connection ended; guarded by mu
}

// end abandons the connection. The first cause is kept, but a close frame replaces errors that merely followed from it.
func (l *link) end(err error) {
	l.mu.Lock()
	closeErr := (*CloseError)(nil)
	if l.err == nil || errors.As(err, &closeErr) {
		l.err = err
	}
	l.mu.Unlock()
	l.cancel()
}

func (l *link) cause() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// hold records whether the reader is waiting. When it continues, the measured silence starts over.
func (l *link) hold(on bool) {
	if l.held.Swap(on) && !on {
		l.hear()
	}
}

func (l *link) hear() { l.heard.Store(int64(time.Since(l.began))) }

// open makes one attempt at base: upgrade and, on rejoin.v1, the session frame. It blocks for at most ConnectTimeout. The
// link it returns has no goroutines yet: the caller starts or drops it.
func (c *Client) open(ctx context.Context, base string) (*link, error) {
	target, err := c.cfg.endpoint(base)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.ConnectTimeout)
	defer cancel()
	token, err := c.tokens.current(ctx)
	if err != nil {
		return nil, err
	}
	l := &link{
		began: time.Now(), pace: pace{limit: c.cfg.Rate},
		wake: make(chan struct{}, 1), move: make(chan GoAway, 1),
		writerDone: make(chan struct{}), done: make(chan struct{}),
	}
	ws, resp, err := websocket.Dial(ctx, target, &websocket.DialOptions{
		HTTPClient: c.cfg.HTTPClient, HTTPHeader: c.cfg.header(token), Subprotocols: c.offer(),
		OnPingReceived: func(context.Context, []byte) bool { l.hear(); return true },
	})
	if err != nil {
		return nil, dialError(resp, err)
	}
	l.ws = ws
	ws.SetReadLimit(c.cfg.ReadLimit)
	l.ctx, l.cancel = context.WithCancel(c.ctx)
	if err := c.greet(ctx, l); err != nil {
		l.cancel()
		_ = ws.CloseNow()
		return nil, err
	}
	c.tokens.accepted()
	return l, nil
}

// header is what the upgrade request carries besides: the application's fields, and the token (rule A1.1).
func (cfg *Config) header(token string) http.Header {
	if token == "" {
		return cfg.Header
	}
	h := cfg.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set("Authorization", "Bearer "+token)
	return h
}

// greet waits for the session frame.
func (c *Client) greet(ctx context.Context, l *link) error {
	ping := defaultPing
	if !c.cfg.Plain {
		if l.ws.Subprotocol() != subprotocol {
			return ErrNoSession
		}
		_, raw, err := l.ws.Read(ctx)
		if err != nil {
			return fmt.Errorf("await session: %w", asCloseError(err))
		}
		if l.opening, err = parseFrame(raw); err != nil {
			return fmt.Errorf("await session: %w", err)
		}
		if l.opening.Info != infoSession {
			return fmt.Errorf("await session: got %q", l.opening.Info)
		}
		if l.opening.PingMs > 0 {
			ping = millis(l.opening.PingMs)
		}
	}
	l.silence = c.cfg.Silence
	if l.silence == 0 {
		l.silence = ping * 3 / 2
	}
	return nil
}

// offer lists the subprotocols of the next attempt (rules R1.1 and R3.1).
func (c *Client) offer() []string {
	if c.cfg.Plain {
		return nil
	}
	p := c.Position()
	offer := []string{subprotocol}
	if p.Token == "" {
		return offer
	}
	offer = append(offer, "rejoin.resume."+p.Token)
	if p.After != "" {
		offer = append(offer, "rejoin.after."+p.After)
	}
	return offer
}

// dialError distinguishes an HTTP response from a network error.
func dialError(resp *http.Response, err error) error {
	if resp == nil || resp.StatusCode == http.StatusSwitchingProtocols {
		return fmt.Errorf("connect: %w", unwrapURL(err))
	}
	_, _ = io.Copy(io.Discard, resp.Body) // the rest of the body, 1 KiB at most
	return &RefusedError{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header, time.Now())}
}

// maxRetryAfter caps Retry-After, so that a proxy's error page cannot keep a client away for days.
const maxRetryAfter = 5 * time.Minute

// retryAfter parses the Retry-After header in both of its forms (RFC 9110, section 10.2.3). A date is compared with the server's Date,
// because our clock may differ.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(0, at.Sub(now)), maxRetryAfter)
}
