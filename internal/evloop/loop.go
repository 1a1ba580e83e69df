package evloop

import (
	"log/slog"
	"net/netip"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Handler is what a loop serves its sockets for. The loop calls its methods one at a time; none of them may block.
type Handler interface {
	// Accepted is called with each new socket and the address at its other end, and returns its connection. full asks the loop to
	// accept no more before it is next woken.
	Accepted(s Socket, peer netip.Addr) (c Conn, full bool)
	// Do is called whenever the loop was woken, with the tasks that were posted since; Tick may be among them.
	Do(tasks Task)
	// FreeDescriptor is called when the process has no descriptor left, not even the spare one, and a client waits: it closes a connection that
	// matters less than a new one. It reports false if there is none.
	FreeDescriptor() bool
}

// Conn is a connection as its loop sees it. Like a Handler's, its methods are called one at a time and may not block.
type Conn interface {
	// Received is called with what was read. It may change data, which is valid during the call only.
	Received(data []byte)
	// Writable is called when the kernel has room again for what [Loop.Write] kept; it has to call [Loop.Flush].
	Writable()
	// Lost is called when the other end has closed or reset the connection, and when the loop ends; it has to call [Loop.Close].
	Lost()
}

// Task is a set of things to do in a loop. The bits below Tick are the handler's.
type Task uint32

const (
	taskEnd Task = 1 << 31
	// Tick is posted to every loop at the interval of [Config].
	Tick Task = 1 << 30
)

// Loop is one event loop. Except for Post, its methods may be called only by its Handler and Conns, from within their own.
type Loop struct {
	// static
	poller
	handler  Handler
	listener int // a descriptor
	log      *slog.Logger
	short    *atomic.Int32 // the loops of the group without a spare descriptor

	// any goroutine
	posted atomic.Uint32

	// owned by the loop
	conns  []Conn // by descriptor
	buf    []byte // what is read, until the next read
	spare  int    // a descriptor for when the process has no other, -1 while it is in use
	paused bool   // accepts nothing
	ending bool
}

// readBuffer is how much is read at a time, in bytes.
const readBuffer = 64 << 10

// Post has the loop do a task. It may be called by any goroutine, at any time; a task that is posted again before it was done is done once.
func (l *Loop) Post(t Task) {
	if l.posted.Or(uint32(t)) == 0 {
		l.wake()
	}
}

// woken does what was posted.
func (l *Loop) woken() {
	tasks := Task(l.posted.Swap(0))
	l.ending = l.ending || tasks&taskEnd != 0
	l.handler.Do(tasks &^ taskEnd)
	if l.spare < 0 {
		l.reserve()
	}
	if l.paused {
		l.resume()
	}
}

// Read reads now what has arrived on a socket, without waiting for its event.
func (l *Loop) Read(s *Socket) { l.read(s.Descriptor()) }

// read reads what has arrived, up to a buffer; the rest is another event.
func (l *Loop) read(fd int) {
	n, err := read(fd, l.buf)
	switch {
	case n > 0:
		l.conns[fd].Received(l.buf[:n])
	case err != unix.EAGAIN && err != unix.EINTR:
		l.conns[fd].Lost()
	}
}

// loseAll ends all connections.
func (l *Loop) loseAll() {
	for _, c := range l.conns {
		if c != nil {
			c.Lost()
		}
	}
}
