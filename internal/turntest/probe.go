package turntest

import (
	"bytes"
	"crypto/rand"
	"math/big"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Ports are taken from below every system's ephemeral range, where no outgoing connection gets them.
const (
	lowestPort  = 15000
	highestPort = 32000
	portTries   = 100
)

// lookUp finds the program to run.
func lookUp(tb testing.TB) string {
	tb.Helper()
	path, err := exec.LookPath("turnserver")
	if err == nil {
		return path
	}
	if os.Getenv("REJOIN_SKIP_COTURN") == "1" {
		tb.Skip("no turnserver here, and REJOIN_SKIP_COTURN=1")
	}
	tb.Fatalf("%v: install coturn (Debian, Ubuntu: apt-get install coturn; macOS: brew install coturn), "+
		"or set REJOIN_SKIP_COTURN=1 to skip what needs it", err)
	return ""
}

// freePort returns a port that was free a moment ago, for UDP and TCP.
func freePort(tb testing.TB, ip string) int {
	tb.Helper()
	for range portTries {
		n, _ := rand.Int(rand.Reader, big.NewInt(highestPort-lowestPort))
		port := lowestPort + int(n.Int64())
		addr := net.JoinHostPort(ip, strconv.Itoa(port))
		tcp, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		_ = tcp.Close()
		udp, err := net.ListenPacket("udp", addr)
		if err != nil {
			continue
		}
		_ = udp.Close()
		return port
	}
	tb.Fatal("no free port")
	return 0
}

// answers reports whether a STUN binding request (RFC 8489 section 6) is answered over UDP, and TCP is open.
func answers(addr string) bool {
	tcp, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	_ = tcp.Close()
	udp, err := net.Dial("udp", addr)
	if err != nil {
		return false
	}
	defer udp.Close()
	request := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42}, rand.Text()[:12]...)
	if _, err := udp.Write(request); err != nil {
		return false
	}
	_ = udp.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	var b [1500]byte
	n, err := udp.Read(b[:])
	return err == nil && n >= 20 && bytes.Equal(b[4:20], request[4:20])
}

// output is what a process printed.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
