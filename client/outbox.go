package client

import (
	"context"
	"slices"
	"time"
)

// Pending is a message that awaits, or has got, its answer.
type Pending struct {
	// RequestID is the message's, made up if it had none.
	RequestID string

	data []byte
	sent bool // on the current connection; guarded by Client.mu
	done chan struct{}
	err  error // set before done is closed
}

// Done is closed when the answer is there.
func (p *Pending) Done() <-chan struct{} { return p.done }

// Err is nil when the message was confirmed, otherwise what became of it, as Send returns it. It must not be called
// before Done is closed.
func (p *Pending) Err() error { return p.err }

func (p *Pending) settle(err error) {
	p.err = err
	close(p.done)
}

// outbox holds the messages that await their answer, in the order they were posted. Guarded by Client.mu.
type outbox struct {
	waiting []*Pending
	byID    map[string]*Pending
	// slots bounds waiting: a token in it is a place taken.
	slots     chan struct{}
	confirmed recent
	// paused: nothing is sent until then, because the server answered retryError.
	paused time.Time
}

func newOutbox(limit int) outbox {
	return outbox{byID: make(map[string]*Pending), slots: make(chan struct{}, limit)}
}

// reserve takes a place. It blocks while there is none.
func (o *outbox) reserve(ctx context.Context, ended <-chan struct{}) error {
	select {
	case o.slots <- struct{}{}:
		return nil
	case <-ended:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (o *outbox) release() { <-o.slots }

func (o *outbox) add(p *Pending) {
	o.waiting = append(o.waiting, p)
	o.byID[p.RequestID] = p
}

// settle ends the wait of the message with that id and tells whether there was one.
func (o *outbox) settle(id string, err error) bool {
	p, found := o.byID[id]
	if found {
		o.remove(p)
		p.settle(err)
		if err == nil {
			o.confirmed.add(id)
		}
	}
	return found
}

func (o *outbox) remove(p *Pending) {
	delete(o.byID, p.RequestID)
	if i := slices.Index(o.waiting, p); i >= 0 { // answers come nearly in order: it is near the front
		o.waiting = slices.Delete(o.waiting, i, i+1)
	}
	o.release()
}

// failAll ends the wait of all.
func (o *outbox) failAll(err error) {
	for len(o.waiting) > 0 {
		o.settle(o.waiting[0].RequestID, err)
	}
}

// rewind makes all that has no answer be sent again, in order.
func (o *outbox) rewind() {
	for _, p := range o.waiting {
		p.sent = false
	}
}

// unsent is the next message to send, nil when there is none.
func (o *outbox) unsent() *Pending {
	for _, p := range o.waiting {
		if !p.sent {
			return p
		}
	}
	return nil
}
