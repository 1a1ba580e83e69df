//go:build linux

package edge_test

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rejoin-dev/rejoin/internal/edge"
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// bareHub gives every connection the same session: what is measured is the edge.
type bareHub struct{ session bareSession }

type bareSession struct{}

func (*bareHub) Ready(wire.RoomID) error     { return nil }
func (*bareHub) Peers(func([]string, error)) {}

func (h *bareHub) Open(signaling.Conn, wire.Connect, wire.Offer) edge.Session { return &h.session }

func (*bareSession) Message([]byte)           {}
func (*bareSession) Pong([]byte)              {}
func (*bareSession) Closed(signaling.Closure) {}

// BenchmarkIdle reports the memory of this process per idle connection. The clients are bare descriptors, which cost this process only
// kernel memory.
func BenchmarkIdle(b *testing.B) {
	const conns = 5000
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil || files.Cur < 2*conns+500 {
		b.Skipf("%d open files are not enough", files.Cur)
	}
	server := startBare(b)
	addr := server.Addr().(*net.TCPAddr)
	fds := make([]int, 0, conns)
	b.Cleanup(func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	})
	for range 200 { // one-time costs of the first connections
		fds = append(fds, idleClient(b, addr))
	}
	rss, heap := resident(b)
	before := len(fds)
	for len(fds) < conns {
		fds = append(fds, idleClient(b, addr))
	}
	rssNow, heapNow := resident(b)
	for b.Loop() { // only the metrics matter, and they are measured once
	}
	n := float64(conns - before)
	b.ReportMetric((rssNow-rss)/n, "rss-B/conn")
	b.ReportMetric((heapNow-heap)/n, "heap-B/conn")
	b.ReportMetric(0, "ns/op")
}

func startBare(b *testing.B) *edge.Server {
	b.Helper()
	return startWith(b, &bareHub{}, nil).Server
}

// idleClient upgrades over a bare descriptor.
func idleClient(b *testing.B, addr *net.TCPAddr) int {
	b.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	to := &unix.SockaddrInet4{Port: addr.Port, Addr: [4]byte{127, 0, 0, 1}}
	if err := unix.Connect(fd, to); err != nil {
		b.Fatal(err)
	}
	if _, err := unix.Write(fd, []byte(request(connect))); err != nil {
		b.Fatal(err)
	}
	var answer [512]byte
	n, err := unix.Read(fd, answer[:])
	if err != nil || !strings.HasPrefix(string(answer[:n]), "HTTP/1.1 101") {
		b.Fatalf("got %q, %v", answer[:n], err)
	}
	return fd
}

// resident returns the resident memory of the process and its live heap, in bytes.
func resident(b *testing.B) (rss, heap float64) {
	b.Helper()
	debug.FreeOSMemory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Fatal(err)
	}
	var size, pages float64
	if _, err := fmt.Sscan(string(statm), &size, &pages); err != nil {
		b.Fatal(err)
	}
	return pages * float64(os.Getpagesize()), float64(stats.HeapAlloc)
}
