//go:build linux

package swarm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	readSize  = 256 << 10
	batchSize = 256 // events per wait
	outSize   = 4 << 10
	maxSpare  = 1 << 10 // output buffers kept for the next connection that needs one
	// Never is what a Driver returns that does not want to be called by the clock.
	Never = math.MaxInt64
)

// Driver decides what the swarm does. It is called on the loop.
type Driver interface {
	// Tick is called after every batch of events, and not much later than the time that it returned last. Times are those
	// of Loop.Now.
	Tick(now int64) (next int64)
}

// Counters is what a loop has seen.
type Counters struct {
	BytesIn, BytesOut uint64
	FramesIn          uint64
	Pings             uint64 // each was answered
}

// Loop is a swarm of clients on one thread. Everything but Post, Do, Now and Close may be used on the loop only: in a
// Driver, a Handler, or a function that was posted.
type Loop struct {
	// static
	epoll, wake int
	began       time.Time
	driver      Driver

	// owned by Run
	conns   []*Conn // by descriptor
	open    int
	age     int32 // of the newest connection; tells a late event from one for the descriptor's next owner
	read    []byte
	events  [batchSize]unix.EpollEvent
	dirty   []*Conn
	spare   [][]byte
	seen    Counters
	noPwait bool // the kernel has no epoll_pwait2

	// guarded by mu
	mu     sync.Mutex
	posted []func()
	ended  bool
}

// New returns a loop; Run runs it. began is the zero of Now, so that loops can share a clock.
func New(began time.Time, d Driver) (*Loop, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create epoll: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		_ = unix.Close(epoll)
		return nil, fmt.Errorf("create eventfd: %w", err)
	}
	l := &Loop{epoll: epoll, wake: wake, began: began, driver: d, read: make([]byte, readSize)}
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, wake, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(wake)}); err != nil {
		return nil, errors.Join(fmt.Errorf("watch eventfd: %w", err), unix.Close(epoll), unix.Close(wake))
	}
	return l, nil
}

// Now is the time in nanoseconds since the loop's beginning. Safe for concurrent use.
func (l *Loop) Now() int64 { return int64(time.Since(l.began)) }

// At converts a time to the loop's clock. Safe for concurrent use.
func (l *Loop) At(t time.Time) int64 { return int64(t.Sub(l.began)) }

// Counters returns what the loop has seen.
func (l *Loop) Counters() Counters { return l.seen }

// Open is the number of connections, those that are being opened included.
func (l *Loop) Open() int { return l.open }

// Post has f called on the loop, soon. It reports false when the loop has ended. Safe for concurrent use.
func (l *Loop) Post(f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return false
	}
	l.posted = append(l.posted, f)
	one := [8]byte{1}
	_, _ = unix.Write(l.wake, one[:]) // full means that it is awake already
	return true
}

// Do is Post that waits until f has returned, or ctx has ended. Safe for concurrent use, but never on the loop.
func (l *Loop) Do(ctx context.Context, f func()) error {
	done := make(chan struct{})
	if !l.Post(func() { f(); close(done) }) {
		return errors.New("loop has ended")
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run serves until Stop, on a thread of its own, then resets what is still open.
func (l *Loop) Run() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// Without this the kernel is free to wake the thread 50 µs late, a good part of what is measured.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	next := int64(0)
	for {
		n, err := l.wait(next)
		if err != nil {
			return errors.Join(err, l.end())
		}
		for i := range n {
			l.handle(&l.events[i])
		}
		if l.runPosted() {
			return l.end()
		}
		next = l.driver.Tick(l.Now())
		l.flush()
	}
}

// Stop has Run return. Safe for concurrent use.
func (l *Loop) Stop() { l.Post(nil) }

// runPosted calls what was posted and reports whether Stop was among it.
func (l *Loop) runPosted() (stop bool) {
	l.mu.Lock()
	posted := l.posted
	l.posted = nil
	l.mu.Unlock()
	for _, f := range posted {
		if f == nil {
			return true
		}
		f()
		l.flush()
	}
	return false
}

func (l *Loop) end() error {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	for _, c := range l.conns {
		if c != nil {
			c.Reset()
		}
	}
	return errors.Join(unix.Close(l.epoll), unix.Close(l.wake))
}

// wait blocks until there are events, or until the clock is at next.
func (l *Loop) wait(next int64) (int, error) {
	timeout := int64(-1)
	if next != Never {
		timeout = max(0, next-l.Now())
	}
	n, err := l.epollWait(timeout)
	if errors.Is(err, unix.EINTR) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("wait for events: %w", err)
	}
	return n, nil
}

// epollWait waits with the precision of nanoseconds where the kernel can (5.11 and newer). timeout -1: for ever.
func (l *Loop) epollWait(timeout int64) (int, error) {
	if timeout <= 0 || l.noPwait {
		msec := int(timeout)
		if timeout > 0 {
			msec = int((timeout + 999_999) / 1_000_000)
		}
		return unix.EpollWait(l.epoll, l.events[:], msec)
	}
	limit := unix.NsecToTimespec(timeout)
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(l.epoll), uintptr(unsafe.Pointer(&l.events[0])), batchSize,
		uintptr(unsafe.Pointer(&limit)), 0, 0)
	switch errno {
	case 0:
		return int(n), nil
	case unix.ENOSYS:
		l.noPwait = true
		return 0, nil
	default:
		return 0, errno
	}
}

func (l *Loop) handle(e *unix.EpollEvent) {
	if int(e.Fd) == l.wake {
		var count [8]byte
		_, _ = unix.Read(l.wake, count[:])
		return
	}
	c := l.conns[e.Fd]
	if c == nil || c.age != e.Pad {
		return // it was closed earlier in this batch
	}
	c.ready(e.Events)
	l.flush()
}

// flush writes what the connections have queued.
func (l *Loop) flush() {
	for i := 0; i < len(l.dirty); i++ { // Closed may queue more
		l.dirty[i].flush()
	}
	clear(l.dirty)
	l.dirty = l.dirty[:0]
}

func (l *Loop) buffer() []byte {
	last := len(l.spare) - 1
	if last < 0 {
		return make([]byte, 0, outSize)
	}
	b := l.spare[last]
	l.spare = l.spare[:last]
	return b
}

func (l *Loop) recycle(b []byte) {
	if cap(b) <= 4*outSize && len(l.spare) < maxSpare {
		l.spare = append(l.spare, b[:0])
	}
}
