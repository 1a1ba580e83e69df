//go:build linux && !gnet

package edge_test

import (
	"bufio"
	"log/slog"
	"net"
	"os"
	"os/exec"
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

// TestFewDescriptors floods a process that may open 256 files with 600 connections: an event loop that fails
// to accept ends, so it must never come to that.
func TestFewDescriptors(t *testing.T) {
	if os.Getenv(childEnv) != "" {
		serveWithFewDescriptors(t)
		return
	}
	t.Parallel()
	child := exec.Command(os.Args[0], "-test.run=^TestFewDescriptors$", "-test.v")
	child.Env = append(os.Environ(), childEnv+"=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	addr := ""
	scanner := bufio.NewScanner(out)
	for addr == "" && scanner.Scan() {
		if found, ok := strings.CutPrefix(scanner.Text(), "listening on "); ok {
			addr = found
		}
	}
	var conns []net.Conn
	for range 600 {
		conn, err := net.DialTimeout("tcp", addr, patience)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	for _, conn := range conns {
		conn.Close()
	}
	eventually(t, "health", func() bool { return healthy(addr) })
	in.Close()
	for scanner.Scan() { // a pipe has to be read to its end before Wait
	}
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
}

// TestNoDescriptors connects while the process has none left at all, for whatever reason. The loop must not end, and must
// accept once there are some again.
func TestNoDescriptors(t *testing.T) {
	if os.Getenv(fullEnv) != "" {
		serveWithoutDescriptors(t)
		return
	}
	t.Parallel()
	child := exec.Command(os.Args[0], "-test.run=^TestNoDescriptors$", "-test.v")
	child.Env = append(os.Environ(), fullEnv+"=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(out)
	wait := func(prefix string) string {
		for scanner.Scan() {
			if rest, ok := strings.CutPrefix(scanner.Text(), prefix); ok {
				return rest
			}
		}
		t.Fatalf("the server ended before it said %q", prefix)
		return ""
	}
	addr := wait("full at ")
	conn, err := net.DialTimeout("tcp", addr, patience) // the kernel accepts it
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET /health HTTP/1.1\r\nHost: a\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	wait("refused")
	if _, err := in.Write([]byte("1")); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	if line, err := bufio.NewReader(conn).ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 200 ") {
		t.Fatalf("got %q, %v", line, err)
	}
	in.Close()
	for scanner.Scan() {
	}
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
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

// notice tells that something was logged.
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
	r := start(t, newHub(), func(cfg *edge.Config) { cfg.MaxConnections = 0 })
	os.Stdout.WriteString("\nlistening on " + r.Addr().String() + "\n")
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the parent closes it
}
