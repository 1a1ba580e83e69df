package evloop

import (
	"context"
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// kernelBuffer is the size in bytes of each of the kernel's buffers for a socket. It bounds what a client that does not read, or that only
// sends, can make the kernel hold.
const kernelBuffer = 16 << 10

// reservation is an address that is known to be free.
type reservation struct {
	addr *net.TCPAddr
	held net.Listener // for port 0: keeps the port until the loops have it
}

// reserve checks that addr can be listened on. There is one listener per loop with SO_REUSEPORT, which has two consequences that are
// dealt with here: a second process on the same port would go unnoticed and take half of the connections, and port 0 would be another
// port for each loop.
func reserve(ctx context.Context, addr string) (*reservation, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	config := net.ListenConfig{}
	if port == "0" {
		config.Control = control(reusePort)
	}
	listener, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	r := &reservation{addr: listener.Addr().(*net.TCPAddr)}
	if port == "0" {
		// The kernel gives no port that is in use, with SO_REUSEPORT or not, to a process that asks for any.
		r.held = listener
		return r, nil
	}
	return r, listener.Close()
}

// release lets go of a held port. It has not been announced yet, so no connection waits there.
func (r *reservation) release() {
	if r.held != nil {
		r.held.Close()
	}
}

// listen returns the descriptor of a listener. Accepted sockets inherit all of its options.
func listen(ctx context.Context, addr *net.TCPAddr) (int, error) {
	config := net.ListenConfig{Control: control(func(fd int) error {
		setUserTimeout(fd)
		return errors.Join(
			reusePort(fd),
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, kernelBuffer),
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, kernelBuffer),
			unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		)
	})}
	l, err := config.Listen(ctx, "tcp", addr.String())
	if err != nil {
		return 0, err
	}
	defer l.Close()
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		return 0, err
	}
	var copied int
	outer := raw.Control(func(fd uintptr) {
		copied, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) // in non-blocking mode, as the one it is copied from
	})
	return copied, errors.Join(outer, err)
}

func reusePort(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }

// control makes set a net.ListenConfig's Control.
func control(set func(fd int) error) func(_, _ string, raw syscall.RawConn) error {
	return func(_, _ string, raw syscall.RawConn) error {
		var err error
		outer := raw.Control(func(fd uintptr) { err = set(int(fd)) })
		return errors.Join(outer, err)
	}
}
