package client

// inbox is the queue of events between the connection and Next. All but its channels are guarded by Client.mu.
type inbox struct {
	queue []Event // queue[head:] is waiting
	head  int
	limit int
	// ready wakes Next, space wakes a reader that had to stop. Each wakes one waiter.
	ready, space chan struct{}
}

func newInbox(limit int) inbox {
	return inbox{limit: limit, ready: make(chan struct{}, 1), space: make(chan struct{}, 1)}
}

func (in *inbox) push(e Event) {
	in.queue = append(in.queue, e)
	wake(in.ready)
}

func (in *inbox) pop() (Event, bool) {
	if in.len() == 0 {
		return nil, false
	}
	e := in.queue[in.head]
	in.queue[in.head] = nil
	in.head++
	if in.len() == 0 {
		in.reset()
	} else {
		wake(in.ready) // for another caller of Next
	}
	if !in.full() {
		wake(in.space)
	}
	return e, true
}

// reset reuses the array, unless a long queue made it large.
func (in *inbox) reset() {
	in.head = 0
	in.queue = in.queue[:0]
	if cap(in.queue) > 2*in.limit {
		in.queue = nil
	}
}

func (in *inbox) len() int   { return len(in.queue) - in.head }
func (in *inbox) full() bool { return in.len() >= in.limit }

// wake puts a token into a channel of capacity 1, if it is empty.
func wake(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
