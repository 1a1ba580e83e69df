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
	prefix string // of request ids that are made up
	ctx    context.Context
	cancel context.CancelFunc
	ended  chan struct{} // closed when err is set
	code   atomic.Int64  // to close with
	done   chan struct{} // closed when no goroutine is left

	// owned by the supervisor
	attempts int // picks the URL

	mu sync.Mutex
	// guarded by mu
	err      error // why the client ended; nil while it lives
	link     *link // what is written to; nil while there is no connection
	clientID string
	token    string
	session  uint64 // counts fresh sessions: ids of different ones do not compare
	maxBytes int    // of a message; 0 when the server did not say
	made     uint64 // request ids made up
	acks     acks
	outbox   outbox
	inbox    inbox
}

// Dial connects. It blocks until the connection, and on rejoin.v1 the session, is open: attempts that fail are repeated
// with back-off until ctx ends, except those that can only fail again (a *RefusedError below 500, a *CloseError such as
// 1003, ErrNoSession). ctx does not bound the life of the Client: Close, Detach or Abort end it.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("configure client: %w", err)
	}
	c := &Client{
		cfg: cfg, log: newLineLog(cfg.Logger), prefix: rand.Text()[:10] + "-",
		ended: make(chan struct{}), done: make(chan struct{}),
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

// Next returns the next event. It blocks until there is one, ctx ends (the error is ctx's then), or the client has ended: then what
// is still queued comes first, and the error says why it ended, ErrClosed after Close, Detach and Abort.
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

// Ack says that d, and all messages before it, have been handled; only Config.ManualAck needs it. It does not block.
// Messages of a session that is no more are ignored.
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
// ErrMissingRemoteClient, ErrMailboxFull, ErrTooBig, a *ValidationError, ErrUnconfirmed, or why the client ended. When ctx ends
// first the message is not sent again, but may have arrived. It blocks while Config.Outbox messages await their answer.
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

// Post queues m and does not wait for the answer: messages leave in the order of the calls to Post. It blocks only while
// Config.Outbox messages await their answer.
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
	wake(c.inbox.space) // the answer has to be read, whatever waits for Next
	return p, nil
}

func (c *Client) withdraw(p *Pending, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.outbox.byID[p.RequestID] == p {
		c.outbox.settle(p.RequestID, err)
	}
}

// Position is where a later Client could go on, see Config.Resume. It is empty in the plain dialect.
func (c *Client) Position() Position {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := Position{Token: c.token}
	if !c.acks.handled.isZero() {
		p.After = c.acks.handled.String()
	}
	return p
}

// ClientID is our own id, as peers know it; empty in the plain dialect, where it is never told.
func (c *Client) ClientID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.clientID
}

// Err is why the client ended; nil while it lives.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Done is closed when the client has ended and no goroutine of it is left.
func (c *Client) Done() <-chan struct{} { return c.done }

// wakeWriter tells the writer that there may be something to do. The caller holds mu.
func (c *Client) wakeWriter() {
	if c.link != nil {
		wake(c.link.wake)
	}
}
