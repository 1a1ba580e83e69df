package streams

import (
	"io"
	"net"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// quietConn reads and writes without telling the runtime about the system calls, since the socket is non-blocking. If an idle process tells
// it, the runtime starts its monitor thread, which polls every 20 µs until the process is idle again, and separate messages each find it
// idle.
type quietConn struct {
	net.Conn // all but Read and Write
	in, out  transfer
}

// transfer is one direction. As with every connection of package net, one call waits for the other.
type transfer struct {
	mu   sync.Mutex
	raw  syscall.RawConn
	step func(fd uintptr) bool // read or write, bound once; false: wait
	b    []byte
	n    int
	err  error
}

// quiet wraps a TCP connection; others it returns as they are.
func quiet(c net.Conn) net.Conn {
	s, ok := c.(syscall.Conn)
	if !ok {
		return c
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return c
	}
	q := &quietConn{Conn: c}
	q.in.raw, q.out.raw = raw, raw
	q.in.step, q.out.step = q.in.read, q.out.write
	return q
}

func (q *quietConn) Read(b []byte) (int, error)  { return q.in.do(syscall.RawConn.Read, b) }
func (q *quietConn) Write(b []byte) (int, error) { return q.out.do(syscall.RawConn.Write, b) }

func (t *transfer) do(wait func(syscall.RawConn, func(uintptr) bool) error, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b, t.n, t.err = b, 0, nil
	defer func() { t.b = nil }()
	if err := wait(t.raw, t.step); err != nil { // a deadline, or it was closed
		return t.n, err
	}
	return t.n, t.err
}

func (t *transfer) read(fd uintptr) bool {
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(t.b))), uintptr(len(t.b)))
		switch {
		case errno == unix.EAGAIN:
			return false
		case errno == unix.EINTR:
			continue
		case errno != 0:
			t.err = errno
		case n == 0:
			t.err = io.EOF
		default:
			t.n = int(n)
		}
		return true
	}
}

func (t *transfer) write(fd uintptr) bool {
	for t.n < len(t.b) {
		rest := t.b[t.n:]
		n, _, errno := unix.RawSyscall(unix.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(rest))), uintptr(len(rest)))
		switch errno {
		case 0:
			t.n += int(n)
		case unix.EAGAIN:
			return false
		case unix.EINTR:
		default:
			t.err = errno
			return true
		}
	}
	return true
}
