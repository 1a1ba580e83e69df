package simulation

// Clock is simulated time, in seconds, with what is to happen. Its zero value stands at 0.
type Clock struct {
	now   float64
	queue []event // a binary heap, by hand: container/heap would allocate for each
	count uint64
}

type event struct {
	at    float64
	order uint64 // of two at the same time the one that was planned first comes first
	do    func()
}

func (e *event) before(o *event) bool { return e.at < o.at || e.at == o.at && e.order < o.order }

// Now is the time.
func (c *Clock) Now() float64 { return c.now }

// After has something happen.
func (c *Clock) After(seconds float64, do func()) {
	c.count++
	c.queue = append(c.queue, event{c.now + max(seconds, 0), c.count, do})
	q := c.queue
	for i := len(q) - 1; i > 0; {
		parent := (i - 1) / 2
		if !q[i].before(&q[parent]) {
			return
		}
		q[i], q[parent] = q[parent], q[i]
		i = parent
	}
}

// Run lets things happen until that time, or until nothing is left.
func (c *Clock) Run(until float64) {
	for len(c.queue) > 0 && c.queue[0].at <= until {
		e := c.take()
		c.now = e.at
		e.do()
	}
	c.now = max(c.now, until)
}

// take removes the first event.
func (c *Clock) take() event {
	q, last := c.queue, len(c.queue)-1
	first := q[0]
	q[0], q[last] = q[last], event{}
	q = q[:last]
	c.queue = q
	for i := 0; ; {
		least, left := i, 2*i+1
		for child := left; child < min(left+2, last); child++ {
			if q[child].before(&q[least]) {
				least = child
			}
		}
		if least == i {
			return first
		}
		q[i], q[least] = q[least], q[i]
		i = least
	}
}
