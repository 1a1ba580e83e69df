package client

import "time"

// receive handles one message from the server. An error means that it is malformed, and ends the link.
func (c *Client) receive(l *link, f *frame, raw []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil // the client has ended; the reader only waits for the close frame
	}
	if f.Info == infoRetry {
		c.retryLater(f)
		return nil
	}
	if isAnswer, outcome := f.answer(); isAnswer {
		if !c.outbox.settle(f.requestID(), outcome) && f.Info != infoConfirmation {
			c.inbox.push(Unknown{Info: f.Info, Raw: raw})
		}
		return nil
	}
	e, err := c.event(l, f, raw)
	if err != nil {
		return err
	}
	if e != nil {
		c.inbox.push(e)
	}
	return nil
}

// answer reports whether f answers a message, and with what result.
func (f *frame) answer() (isAnswer bool, outcome error) {
	switch f.Info {
	case infoConfirmation:
		return true, nil
	case infoMissing:
		return true, ErrMissingRemoteClient
	case infoMailboxFull:
		return true, ErrMailboxFull
	case infoValidation:
		return true, &ValidationError{Issues: f.Error}
	}
	return false, nil
}

// event turns f into an event for the application, or nil if the application already has it.
func (c *Client) event(l *link, f *frame, raw []byte) (Event, error) {
	switch f.Info {
	case infoData:
		return c.data(f)
	case infoAlreadyConnected:
		return PeerAlreadyConnected{ID: f.RemoteClientID}, nil
	case infoJustConnected:
		return PeerConnected{ID: f.RemoteClientID, User: f.User}, nil
	case infoSuspended:
		return PeerSuspended{ID: f.RemoteClientID}, nil
	case infoResumed:
		return PeerResumed{ID: f.RemoteClientID}, nil
	case infoDisconnected:
		return f.disconnected()
	case infoUndelivered:
		return Expired{Peer: f.RemoteClientID, RequestID: f.requestID()}, nil
	case infoGoAway:
		e := GoAway{In: millis(f.ReconnectInMs), Reason: f.Reason}
		if !c.cfg.Plain {
			select {
			case l.move <- e:
			default: // already asked
			}
		}
		return e, nil
	case infoICEServers:
		return ICEServers{Servers: f.ICEServers, TTL: time.Duration(f.TTLSeconds) * time.Second}, nil
	case infoStoreReplaced:
		return StoreReplaced{Doubtful: c.outbox.confirmed.since(time.Now().Add(-millis(f.AgoMs) - doubt))}, nil
	}
	return Unknown{Info: f.Info, Raw: raw}, nil
}

// data drops messages received before (rule R2.2): after a resume the server repeats those that were received but not handled.
func (c *Client) data(f *frame) (Event, error) {
	d, err := f.message()
	if err != nil {
		return nil, err
	}
	if d.ID == "" {
		return d, nil
	}
	if d.entry.compare(c.acks.received) <= 0 {
		return nil, nil
	}
	c.acks.received = d.entry
	d.session = c.session
	return d, nil
}

// retryLater pauses sending. Afterwards all unanswered messages are sent again in order (rule R6.3).
func (c *Client) retryLater(f *frame) {
	c.outbox.paused = time.Now().Add(millis(f.RetryInMs))
	c.outbox.rewind()
	c.wakeWriter()
}
