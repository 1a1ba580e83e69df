package client

import (
	"context"
	"slices"
	"time"
)

// Pending is a message that is waiting for its answer or has it.
type Pending struct {
	// RequestID is the message's, generated if it had none.
	RequestID string

	data []byte
	sent bool // on the current connection; guarded by Client.mu
	done chan struct{}
	err  error // set before done is closed
}

// Done is closed when the answer has arrived.
func (p *Pending) Done() <-chan struct{} { return p.done }

// Err is nil if the message was confirmed, and otherwise the error that Send would return. It must not be called
// before Done is closed.
func (p *Pending) Err() error { return p.err }

func (p *Pending) settle(err error) {
	p.err = err
	close(p.done)
}

// outbox holds the unanswered messages, in the order they were posted. Guarded by Client.mu.
type outbox struct {
	waiting []*Pending
	byID    map[string]*Pending
	// slots bounds waiting: each token in it is an occupied slot.
	slots     chan struct{}
	confirmed recent
	// paused: nothing is sent before this time, because the server answered retryError.
	paused time.Time
}

func newOutbox(limit int) outbox {
	return outbox{byID: make(map[string]*Pending), slots: make(chan struct{}, limit)}
}

// reserve takes a slot. It blocks while there is none.
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

// settle ends the wait of the message with that id and reports whether there was one.
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
	if i := slices.Index(o.waiting, p); i >= 0 { // answers arrive nearly in order, so it is near the front
		o.waiting = slices.Delete(o.waiting, i, i+1)
	}
	o.release()
}

// failAll ends all waits.
func (o *outbox) failAll(err error) {
	for len(o.waiting) > 0 {
		o.settle(o.waiting[0].RequestID, err)
	}
}

// rewind makes all unanswered messages be sent again, in order.
func (o *outbox) rewind() {
	for _, p := range o.waiting {
		p.sent = false
	}
}

// unsent is the next message to send, or nil.
func (o *outbox) unsent() *Pending {
	for _, p := range o.waiting {
		if !p.sent {
			return p
		}
	}
	return nil
}
