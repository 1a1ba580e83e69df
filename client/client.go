package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Client is one participant of a room. Its methods may be called concurrently.
type Client struct {
	// static
	cfg    Config
	log    *lineLog
	prefix string // of generated request ids
	ctx    context.Context
	cancel context.CancelFunc
	ended  chan struct{} // closed when err is set
	code   atomic.Int64  // close code to send
	done   chan struct{} // closed when all goroutines have ended

	// owned by the supervisor
	attempts int // picks the URL
	tokens   tokens

	mu sync.Mutex
	// guarded by mu
	err      error // why the client ended; nil while it lives
	link     *link // the current connection; nil while there is none
	clientID string
	token    string
	session  uint64 // counts fresh sessions, whose ids cannot be compared with each other
	maxBytes int    // largest message; 0 if the server did not say
	made     uint64 // request ids generated
	acks     acks
	outbox   outbox
	inbox    inbox
}

// Dial connects. It blocks until the connection and, on rejoin.v1, the session is open. It repeats failed attempts with
// back-off until ctx ends, unless they can only fail again (a *RefusedError below 500, a *CloseError such as
// 1003, ErrNoSession). The first refusal of a token from Config.Auth is repeated with a fresh one. ctx does not bound the life of the
// Client; end it with Close, Detach or Abort.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("configure client: %w", err)
	}
	c := &Client{
		cfg: cfg, log: newLineLog(cfg.Logger), prefix: rand.Text()[:10] + "-",
		ended: make(chan struct{}), done: make(chan struct{}), tokens: tokens{get: cfg.Auth},
		acks:   acks{every: cfg.AckEvery, after: cfg.AckAfter},
		outbox: newOutbox(cfg.Outbox), inbox: newInbox(cfg.Events),
	}
	if cfg.Resume != nil {
		c.token = cfg.Resume.Token
		c.acks.handled, _ = parseEntryID(cfg.Resume.After) // checked by withDefaults
		c.acks.received = c.acks.handled
	}
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	first, err := c.connect(ctx, nil)
	if err != nil {
		c.cancel()
		c.log.flush(ctx)
		return nil, err
	}
	c.install(first)
	go c.run(first)
	return c, nil
}

// Next returns the next event. It blocks until there is one, until ctx ends (and returns ctx's error), or until the client has ended.
// In the last case it first returns what is still queued, then an error that says why: ErrClosed after Close, Detach and Abort.
func (c *Client) Next(ctx context.Context) (Event, error) {
	for {
		c.mu.Lock()
		e, ok := c.inbox.pop()
		if d, isData := e.(Data); isData && !c.cfg.ManualAck {
			c.handled(d)
		}
		err := c.err
		c.mu.Unlock()
		if ok {
			return e, nil
		}
		if err != nil {
			return nil, err
		}
		select {
		case <-c.inbox.ready:
		case <-c.ended:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Ack reports that d and all messages before it have been handled. It is only needed with Config.ManualAck and does not block.
// Messages of an earlier session are ignored.
func (c *Client) Ack(d Data) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.handled(d)
}

func (c *Client) handled(d Data) {
	if d.ID == "" || d.session != c.session {
		return
	}
	if c.acks.handle(d.entry, time.Now()) {
		c.wakeWriter()
	}
}

// Send sends m and waits for the server's answer: nil when the message is stored in the peer's mailbox, otherwise
// ErrMissingRemoteClient, ErrMailboxFull, ErrTooBig, a *ValidationError, ErrUnconfirmed, or the reason the client ended. If ctx ends
// first, the message is not sent again but may have arrived. Send blocks while Config.Outbox messages are unanswered.
func (c *Client) Send(ctx context.Context, m Message) error {
	p, err := c.Post(ctx, m)
	if err != nil {
		return err
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		c.withdraw(p, ctx.Err())
		return p.err
	}
}

// Post queues m and does not wait for the answer. Messages are sent in the order of the calls to Post. It blocks only while
// Config.Outbox messages are unanswered.
func (c *Client) Post(ctx context.Context, m Message) (*Pending, error) {
	if err := c.outbox.reserve(ctx, c.ended); err != nil {
		if errors.Is(err, ErrClosed) {
			err = c.Err()
		}
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p, err := c.queue(m)
	if err != nil {
		c.outbox.release()
	}
	return p, err
}

func (c *Client) queue(m Message) (*Pending, error) {
	if c.err != nil {
		return nil, c.err
	}
	if m.RequestID == "" {
		c.made++
		m.RequestID = c.prefix + strconv.FormatUint(c.made, 10)
	}
	if c.outbox.byID[m.RequestID] != nil {
		return nil, ErrDuplicateRequestID
	}
	data, err := m.encode()
	if err != nil {
		return nil, fmt.Errorf("encode message: %w", err)
	}
	if c.maxBytes > 0 && len(data) > c.maxBytes {
		return nil, ErrTooBig
	}
	p := &Pending{RequestID: m.RequestID, data: data, done: make(chan struct{})}
	c.outbox.add(p)
	c.wakeWriter()
	wake(c.inbox.space) // the answer has to be read even if events wait for Next
	return p, nil
}

func (c *Client) withdraw(p *Pending, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.outbox.byID[p.RequestID] == p {
		c.outbox.settle(p.RequestID, err)
	}
}

// Position is where a later Client can continue, see Config.Resume. It is empty in the plain dialect.
func (c *Client) Position() Position {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := Position{Token: c.token}
	if !c.acks.handled.isZero() {
		p.After = c.acks.handled.String()
	}
	return p
}

// ClientID is our own id, as peers see it. It is empty in the plain dialect, where the server does not send it.
func (c *Client) ClientID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.clientID
}

// Err returns why the client ended, or nil while it lives.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Done is closed when the client and all its goroutines have ended.
func (c *Client) Done() <-chan struct{} { return c.done }

// wakeWriter tells the writer that there may be something to do. The caller holds mu.
func (c *Client) wakeWriter() {
	if c.link != nil {
		wake(c.link.wake)
	}
}
