package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// capacity is how many bytes may wait: some thousand lines. The same amount again may be in the middle of being written.
	capacity = 256 << 10
	// againAfter is the pause before retrying an output that is not ready (EAGAIN).
	againAfter = 10 * time.Millisecond
)

// Pipe is a log whose Write never blocks and never fails. It is safe for concurrent use.
type Pipe struct {
	out  io.Writer
	wake chan struct{}
	done chan struct{} // closed when the goroutine has ended

	dropped atomic.Uint64
	ended   atomic.Bool

	// owned by run
	unsaid uint64 // lines dropped since the last notice
	torn   bool   // the last write ended in the middle of a line

	mu      sync.Mutex
	waiting []byte
	gap     uint64 // lines dropped after the waiting ones; while there is a gap nothing is added, so that the gap is in one place
	notice  func(dropped uint64) []byte
}

// NewPipe starts a Pipe that writes to out. Close ends it.
func NewPipe(out io.Writer) *Pipe {
	p := &Pipe{
		out: out, wake: make(chan struct{}, 1), done: make(chan struct{}),
		notice: func(n uint64) []byte { return fmt.Appendf(nil, "log lines dropped: %d\n", n) },
	}
	go p.run()
	return p
}

// Write takes whole lines. It always returns len(b) and no error: a line that does not fit is dropped.
func (p *Pipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended.Load() || p.gap > 0 || len(p.waiting)+len(b) > capacity {
		n := lines(b)
		p.gap += n
		p.dropped.Add(n)
	} else {
		p.waiting = append(p.waiting, b...)
	}
	p.rouse()
	return len(b), nil
}

// Dropped returns how many lines have been dropped.
func (p *Pipe) Dropped() uint64 { return p.dropped.Load() }

// Close writes the waiting lines. It blocks until that is done or patience runs out, and reports whether it is done. Later lines are dropped.
func (p *Pipe) Close(patience time.Duration) bool {
	p.mu.Lock()
	p.ended.Store(true)
	p.mu.Unlock()
	p.rouse()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.done:
		return true
	case <-timer.C:
		return false
	}
}

func (p *Pipe) rouse() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run writes the lines. It ends after Close, or is left behind in a write that never returns.
func (p *Pipe) run() {
	defer close(p.done)
	var chunk []byte
	for {
		ended := p.ended.Load() // everything written before Close is in the next chunk
		var gap uint64
		if chunk, gap = p.take(chunk[:0]); len(chunk) == 0 && gap == 0 {
			if ended {
				return
			}
			<-p.wake
			continue
		}
		works := p.say() && p.pass(chunk)
		if p.unsaid += gap; works {
			p.say()
		}
	}
}

// take swaps the waiting lines with chunk, which becomes the next buffer.
func (p *Pipe) take(chunk []byte) (lines []byte, gap uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines, p.waiting = p.waiting, chunk
	gap, p.gap = p.gap, 0
	return lines, gap
}

// say writes the notice if one is due, and reports whether the output accepts anything.
func (p *Pipe) say() bool {
	if p.unsaid == 0 {
		return true
	}
	p.mu.Lock()
	text := p.notice(p.unsaid)
	p.mu.Unlock()
	if len(p.write(text)) > 0 {
		return false
	}
	p.unsaid = 0
	return true
}

// pass writes lines and counts those it could not write.
func (p *Pipe) pass(chunk []byte) bool {
	rest := p.write(chunk)
	if len(rest) == 0 {
		return true
	}
	n := lines(rest)
	p.unsaid += n
	p.dropped.Add(n)
	return false
}

// write returns what could not be written. It blocks as long as the output does.
func (p *Pipe) write(b []byte) (rest []byte) {
	if p.torn {
		if _, err := p.out.Write([]byte{'\n'}); err != nil {
			return b
		}
		p.torn = false
	}
	for len(b) > 0 {
		n, err := p.out.Write(b)
		if n > 0 {
			p.torn = b[n-1] != '\n'
		}
		b = b[n:]
		switch {
		case err == nil:
		case errors.Is(err, syscall.EAGAIN) && !p.ended.Load(): // another process made the descriptor non-blocking
			time.Sleep(againAfter)
		default:
			return b
		}
	}
	return nil
}

func lines(b []byte) uint64 { return max(1, uint64(bytes.Count(b, []byte{'\n'}))) }
