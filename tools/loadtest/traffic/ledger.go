package traffic

// Tally is the books of a run. Everything but Sent, Confirmed and Received has to be 0.
type Tally struct {
	Sent      uint64 `json:"sent"`
	Confirmed uint64 `json:"confirmed"`
	Received  uint64 `json:"received"` // different ones

	Duplicated   uint64 `json:"duplicated"`
	Disordered   uint64 `json:"disordered"`   // received behind a later one
	Misdirected  uint64 `json:"misdirected"`  // from another receiver's sender
	Refused      uint64 `json:"refused"`      // the server said that it was not stored
	Unexpected   uint64 `json:"unexpected"`   // messages that should not have come
	Disconnected uint64 `json:"disconnected"` // connections that the server ended
	Failed       uint64 `json:"failed"`       // connections or resumes that did not come about
}

// Lost is how many messages did not arrive without being reported. It means something when all had the time to.
func (t *Tally) Lost() uint64 { return t.less(t.Sent, t.Received+t.Refused) }

// Unanswered is how many messages were neither confirmed nor refused.
func (t *Tally) Unanswered() uint64 { return t.less(t.Sent, t.Confirmed+t.Refused) }

func (*Tally) less(a, b uint64) uint64 {
	if a < b {
		return 0
	}
	return a - b
}

// Clean reports whether nothing went wrong.
func (t *Tally) Clean() bool {
	return t.Lost()+t.Unanswered()+t.Duplicated+t.Disordered+t.Misdirected+t.Refused+t.Unexpected+t.Disconnected+t.Failed == 0
}

// Add adds the books of another loop, process or round.
func (t *Tally) Add(o Tally) {
	t.Sent += o.Sent
	t.Confirmed += o.Confirmed
	t.Received += o.Received
	t.Duplicated += o.Duplicated
	t.Disordered += o.Disordered
	t.Misdirected += o.Misdirected
	t.Refused += o.Refused
	t.Unexpected += o.Unexpected
	t.Disconnected += o.Disconnected
	t.Failed += o.Failed
}

// Since returns the books of the time after an earlier look.
func (t Tally) Since(o Tally) Tally {
	t.Sent -= o.Sent
	t.Confirmed -= o.Confirmed
	t.Received -= o.Received
	t.Duplicated -= o.Duplicated
	t.Disordered -= o.Disordered
	t.Misdirected -= o.Misdirected
	t.Refused -= o.Refused
	t.Unexpected -= o.Unexpected
	t.Disconnected -= o.Disconnected
	t.Failed -= o.Failed
	return t
}

// Ledger follows one sender's messages to one receiver.
type Ledger struct {
	next   uint32 // the sequence number that is to come
	recent uint64 // bit i: next-1-i has come
}

// Take enters a message that came.
func (l *Ledger) Take(seq uint32, t *Tally) {
	if seq >= l.next {
		ahead := seq - l.next + 1
		l.recent = l.recent<<min(ahead, 64) | 1 // a shift by 64 leaves nothing
		l.next = seq + 1
		t.Received++
		return
	}
	// What is too old to be remembered counts as a duplicate: either way the run has failed.
	bit := uint64(1) << (l.next - 1 - seq) // 0 beyond 63
	if bit == 0 || l.recent&bit != 0 {
		t.Duplicated++
		return
	}
	l.recent |= bit
	t.Disordered++
	t.Received++
}
