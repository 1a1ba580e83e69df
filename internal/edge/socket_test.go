package edge_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rejoin-dev/rejoin/internal/edge"
)

// TestTheDescriptorOutlivesTheSession: when the session is told that the connection is over, nothing more can be queued, and the descriptor
// is still open. Otherwise a late frame could be written to the next connection that gets the descriptor.
func TestTheDescriptorOutlivesTheSession(t *testing.T) {
	t.Parallel()
	hub := newHub()
	type connection struct {
		descriptor int
		peer       string
	}
	lost := make(chan connection, 1)
	heard := make(chan error, 1)
	hub.onClosed = func(s *testSession) {
		was := <-lost
		_, err := unix.Getpeername(was.descriptor)
		switch peer := peerOf(was.descriptor); {
		case err != nil && err != unix.ENOTCONN: // as after a reset
			err = fmt.Errorf("its descriptor: %w", err)
		case peer != "" && peer != was.peer:
			err = fmt.Errorf("its descriptor belongs to another one")
		default:
			err = nil
		}
		if s.conn.Deliver([]byte("too late"), nil) {
			err = fmt.Errorf("something was queued for it")
		}
		heard <- err
	}
	r := start(t, hub, nil)
	for name, lose := range map[string]func(*client){
		"end of file": func(c *client) { c.Close() },
		"reset": func(c *client) {
			_ = c.Conn.(*net.TCPConn).SetLinger(0)
			c.Close()
		},
	} {
		c, _ := r.open(t)
		lost <- connection{descriptorOf(t, c), c.LocalAddr().String()}
		lose(c)
		if err := <-heard; err != nil {
			t.Errorf("%s: when the session ended %v", name, err)
		}
	}
}

// descriptorOf returns the server's descriptor for a client: the one in this process with the client at its other end.
func descriptorOf(t *testing.T, c *client) int {
	t.Helper()
	for fd := range 1 << 14 {
		if peerOf(fd) == c.LocalAddr().String() {
			return fd
		}
	}
	t.Fatal("the server has no descriptor of the client's")
	return -1
}

// peerOf returns the address at the other end of a socket, "" if it has none.
func peerOf(fd int) string {
	sa, _ := unix.Getpeername(fd)
	if four, ok := sa.(*unix.SockaddrInet4); ok {
		return netip.AddrPortFrom(netip.AddrFrom4(four.Addr), uint16(four.Port)).String()
	}
	return ""
}

// TestWhatWaitsGoesFirst sends to a client that has output waiting and room again, while its loop is busy with another one or has not been
// woken yet. The new frame does not overtake the waiting ones.
func TestWhatWaitsGoesFirst(t *testing.T) {
	t.Parallel()
	hub := newHub()
	hub.quiet = true
	r := start(t, hub, func(cfg *edge.Config) { cfg.Loops, cfg.MaxOutputBytes = 1, 16<<20 })
	busy, _ := r.open(t)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(stop)
	wg.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				_ = busy.SetDeadline(time.Now().Add(patience))
				_, _ = busy.Write(frame(text, []byte("busy")))
			}
		}
	})
	c, s := r.open(t)
	const size, ahead, frames = 1 << 10, 1500, 12_000
	var n uint32
	send := func() {
		s.conn.Send(binary.BigEndian.AppendUint32(make([]byte, 0, size), n)[:size])
		n++
	}
	for n < ahead {
		send()
	}
	for read := uint32(0); read < frames; read++ {
		_ = c.SetDeadline(time.Now().Add(patience)) // for each: there are many
		_, payload, err := c.read()
		if err != nil || len(payload) != size || binary.BigEndian.Uint32(payload) != read {
			t.Fatalf("frame %d: got %.4x (%d bytes), %v", read, payload, len(payload), err)
		}
		if n < frames {
			send()
		}
	}
}
