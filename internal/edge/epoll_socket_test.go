//go:build linux && !gnet

package edge_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rejoin-dev/rejoin/internal/edge"
)

// TestTheDescriptorOutlivesTheSession: when the session hears that the connection is over, nothing more can be queued, and the descriptor has not
// been given back. The other way round a late frame could be written to whoever has it next.
func TestTheDescriptorOutlivesTheSession(t *testing.T) {
	t.Parallel()
	hub := newHub()
	heard := make(chan error, 1)
	type ends struct {
		descriptor int
		peer       string
	}
	var all sync.Map // of each *testSession
	hub.onOpen = func(s *testSession) {
		fd := edge.DescriptorOf(s.conn)
		all.Store(s, ends{fd, peerOf(fd)})
	}
	hub.onClosed = func(s *testSession) {
		known, _ := all.Load(s)
		was := known.(ends)
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
		lose(c)
		if err := <-heard; err != nil {
			t.Errorf("%s: when the session ended %v", name, err)
		}
	}
}

// peerOf returns the address at the other end of a socket, "" if it has none.
func peerOf(fd int) string {
	sa, _ := unix.Getpeername(fd)
	if four, ok := sa.(*unix.SockaddrInet4); ok {
		return netip.AddrPortFrom(netip.AddrFrom4(four.Addr), uint16(four.Port)).String()
	}
	return ""
}

// TestRoomIsWaitedForOnlyWhileNeeded: a socket that has been flushed is not asked any more whether there is room; it always says yes, and the
// loop would never sleep again.
func TestRoomIsWaitedForOnlyWhileNeeded(t *testing.T) {
	t.Parallel()
	hub, descriptor := newHub(), make(chan int, 1)
	hub.onOpen = func(s *testSession) { descriptor <- edge.DescriptorOf(s.conn) }
	r := start(t, hub, nil)
	c, s := r.open(t)
	payload := bytes.Repeat([]byte("q"), 4<<20)
	s.conn.Send(payload)
	fd := <-descriptor
	eventually(t, "room to be waited for", func() bool { return watched(t, fd)&unix.EPOLLOUT != 0 })
	c.expect(text, payload)
	eventually(t, "that to end", func() bool { return watched(t, fd)&unix.EPOLLOUT == 0 })
}

// watched returns what events of a descriptor an epoll instance of this process waits for (proc(5), fdinfo).
func watched(t *testing.T, fd int) uint64 {
	t.Helper()
	files, err := filepath.Glob("/proc/self/fdinfo/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it is closed by now
		}
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line) // tfd: 7 events: 1d data: …
			if len(f) > 3 && f[0] == "tfd:" && f[1] == strconv.Itoa(fd) && f[2] == "events:" {
				events, err := strconv.ParseUint(f[3], 16, 64)
				if err != nil {
					t.Fatal(err)
				}
				return events
			}
		}
	}
	return 0
}

// TestWhatWaitsGoesFirst sends to a client for which something waits, and for which there is room again, while its loop rests, as busy
// loops do. What is sent then does not overtake what waits.
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
		tick := time.NewTicker(time.Millisecond) // the pace at which a loop begins to rest
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
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
		_, payload, err := c.read()
		if err != nil || len(payload) != size || binary.BigEndian.Uint32(payload) != read {
			t.Fatalf("frame %d: got %.4x (%d bytes), %v", read, payload, len(payload), err)
		}
		if n < frames {
			send()
		}
	}
}
