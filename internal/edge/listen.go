package edge

import (
	"context"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// reservation is an address that is known to be free.
type reservation struct {
	addr *net.TCPAddr
	held net.Listener // for port 0: keeps the port until the loops have it
}

// reserve looks whether addr can be listened on. There is one listener per loop with SO_REUSEPORT, which has
// two consequences that are dealt with here: a second process on the same port would go unnoticed and take
// half of the connections, and port 0 would be another port for each loop.
func reserve(addr string) (*reservation, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	config := net.ListenConfig{}
	if port == "0" {
		config.Control = reusePort
	}
	listener, err := config.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	r := &reservation{addr: listener.Addr().(*net.TCPAddr)}
	if port == "0" {
		// Nobody else gets a port that is in use, with SO_REUSEPORT or not, when asking for any.
		r.held = listener
		return r, nil
	}
	return r, listener.Close()
}

// release lets go of a held port. Nobody knows it yet, so no connection waits there.
func (r *reservation) release() {
	if r.held != nil {
		r.held.Close()
	}
}

func reusePort(_, _ string, raw syscall.RawConn) error {
	var err error
	control := func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}
	if outer := raw.Control(control); outer != nil {
		return outer
	}
	return err
}
