//go:build linux

package edge_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rejoin-dev/rejoin/internal/edge"
)

// childEnv makes this test binary a server with few descriptors.
const childEnv = "EDGE_TEST_FEW_DESCRIPTORS"

// fullEnv makes it one with none left.
const fullEnv = "EDGE_TEST_NO_DESCRIPTORS"

// TestFewDescriptors floods a process that may open 256 files with 600 silent connections: newcomers are served while all of them are
// there. An event loop that fails to accept would end, so that must never happen. R32.
func TestFewDescriptors(t *testing.T) {
	if os.Getenv(childEnv) != "" {
		serveWithFewDescriptors(t)
		return
	}
	t.Parallel()
	server := newChild(t, "TestFewDescriptors", childEnv)
	addr := server.wait("listening on ")
	for range 600 {
		conn := dialFrom(t, "127.0.0.1", addr)
		_, _ = conn.Write([]byte("GET / HTTP/1.1\r\n"))
	}
	for range 20 {
		if !healthy(addr) {
			t.Fatal("not healthy")
		}
	}
	server.end()
}

// TestHeadsOfOneAddress: one address, and then many, hold sockets with heads that they never finish. An honest client is upgraded all the
// same, from the same address or another, behind a trusted proxy or not. A reset would be as bad as silence.
func TestHeadsOfOneAddress(t *testing.T) {
	for _, mode := range []string{"limit", "limit and proxy", "no limit"} {
		if os.Getenv(childEnv) != "" && os.Getenv(childEnv) != mode {
			continue
		}
		t.Run(mode, func(t *testing.T) {
			if os.Getenv(childEnv) != "" {
				serveWithFewDescriptors(t)
				return
			}
			t.Parallel()
			server := newChild(t, "TestHeadsOfOneAddress", childEnv+"="+mode)
			addr := server.wait("listening on ")
			came := 0
			honest := func(from string) {
				t.Helper()
				came++ // each is a new client: the previous one may not be counted out yet
				conn := dialFrom(t, from, addr)
				defer conn.Close()
				if _, err := conn.Write([]byte(request(connect, "X-Forwarded-For: 192.0.2."+strconv.Itoa(came)))); err != nil {
					t.Fatal(err)
				}
				line, err := bufio.NewReader(conn).ReadString('\n')
				if !strings.HasPrefix(line, "HTTP/1.1 101 ") {
					t.Fatalf("%s got %q, %v", from, line, err)
				}
			}
			for i := range 500 {
				conn := dialFrom(t, "127.0.0.1", addr)
				_, _ = conn.Write([]byte("GET / HTTP/1.1\r\nHost: "))
				if i%100 == 99 {
					honest("127.0.2." + strconv.Itoa(1+i/100))
				}
			}
			for i := range 500 {
				conn := dialFrom(t, "127.0.1."+strconv.Itoa(1+i%250), addr)
				_, _ = conn.Write([]byte("GET / HTTP/1.1\r\nHost: "))
				if i%100 == 99 {
					honest("127.0.3." + strconv.Itoa(1+i/100))
				}
			}
			honest("127.0.0.1")
			server.end()
		})
	}
}

// TestNoDescriptors connects while the process has no descriptors left at all. The loop must not end. Newcomers get 503 to an upgrade, and
// are accepted once there are descriptors again.
func TestNoDescriptors(t *testing.T) {
	if os.Getenv(fullEnv) != "" {
		serveWithoutDescriptors(t)
		return
	}
	t.Parallel()
	server := newChild(t, "TestNoDescriptors", fullEnv)
	addr := server.wait("full at ")
	upgrade := func() string {
		conn := dialFrom(t, "127.0.0.1", addr)
		defer conn.Close()
		if _, err := conn.Write([]byte(request(connect))); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(conn)
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(line, "HTTP/1.1 503 ") {
			if rest, _ := io.ReadAll(in); !strings.Contains(string(rest), "\r\nRetry-After: 1\r\n") {
				t.Errorf("503 with %q", rest)
			}
		}
		return line
	}
	for range 10 {
		if line := upgrade(); !strings.HasPrefix(line, "HTTP/1.1 503 ") {
			t.Fatalf("got %q", line)
		}
	}
	if !healthy(addr) {
		t.Error("not healthy without descriptors")
	}
	server.wait("refused")
	if _, err := server.in.Write([]byte("1")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an upgrade", func() bool { return strings.HasPrefix(upgrade(), "HTTP/1.1 101 ") })
	server.end()
}

// child is this test binary in a process of its own.
type child struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// newChild runs one test, with an environment variable that says what to be; its value is 1 by default.
func newChild(t *testing.T, test, environ string) *child {
	t.Helper()
	if !strings.Contains(environ, "=") {
		environ += "=1"
	}
	c := &child{t: t, cmd: exec.Command(os.Args[0], "-test.run=^"+test+"$", "-test.v")}
	c.cmd.Env = append(os.Environ(), environ)
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewScanner(out)
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// wait returns the rest of the first line that begins with prefix.
func (c *child) wait(prefix string) string {
	c.t.Helper()
	for c.out.Scan() {
		if rest, ok := strings.CutPrefix(c.out.Text(), prefix); ok {
			return rest
		}
	}
	c.t.Fatalf("the server ended before it said %q", prefix)
	return ""
}

func (c *child) end() {
	c.t.Helper()
	c.in.Close()
	for c.out.Scan() { // a pipe has to be read to its end before Wait
	}
	if err := c.cmd.Wait(); err != nil {
		c.t.Fatal(err)
	}
}

// dialFrom connects from an address of this machine.
func dialFrom(t *testing.T, from, addr string) net.Conn {
	t.Helper()
	d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := d.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// serveWithoutDescriptors uses up all descriptors until it reads a byte.
func serveWithoutDescriptors(t *testing.T) {
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 256, Max: 256}); err != nil {
		t.Fatal(err)
	}
	said := make(chan struct{}, 1)
	server := startLogged(t, newHub(), nil, slog.New(slog.NewTextHandler(notice{said}, nil)))
	var held []int
	for {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY, 0)
		if err != nil {
			break
		}
		held = append(held, fd)
	}
	os.Stdout.WriteString("\nfull at " + server.Addr().String() + "\n")
	<-said
	os.Stdout.WriteString("refused\n")
	b := make([]byte, 1)
	_, _ = os.Stdin.Read(b)
	for _, fd := range held {
		_ = unix.Close(fd)
	}
	_, _ = os.Stdin.Read(b) // until the parent closes it
}

// notice signals that something was logged.
type notice struct{ said chan struct{} }

func (n notice) Write(b []byte) (int, error) {
	select {
	case n.said <- struct{}{}:
	default:
	}
	return len(b), nil
}

func healthy(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write([]byte("GET /health HTTP/1.1\r\nHost: a\r\n\r\n")); err != nil {
		return false
	}
	line, _ := bufio.NewReader(conn).ReadString('\n')
	return strings.HasPrefix(line, "HTTP/1.1 200 ")
}

func serveWithFewDescriptors(t *testing.T) {
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 256, Max: 256}); err != nil {
		t.Fatal(err)
	}
	r := start(t, newHub(), func(cfg *edge.Config) {
		if os.Getenv(childEnv) != "no limit" {
			cfg.MaxPerAddress = 1
		}
		if os.Getenv(childEnv) == "limit and proxy" {
			cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		}
	})
	os.Stdout.WriteString("\nlistening on " + r.Addr().String() + "\n")
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the parent closes it
}
