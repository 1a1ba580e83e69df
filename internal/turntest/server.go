package turntest

import (
	"crypto/rand"
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"
)

const (
	// startTimeout is how long a server may take to answer; a slow machine needs some.
	startTimeout = 30 * time.Second
	startTries   = 5
)

// Server is a running coturn.
type Server struct {
	// Addr is host:port, for UDP and TCP.
	Addr string
	// Secret is its static-auth-secret.
	Secret string

	log *output
}

// URLs are what ICE wants: the server over UDP, and over TCP.
func (s *Server) URLs() []string {
	return []string{"turn:" + s.Addr + "?transport=udp", "turn:" + s.Addr + "?transport=tcp"}
}

// Log is what it printed so far.
func (s *Server) Log() string { return s.log.String() }

// Loopback lets peers on 127.0.0.1 through, which the shipped configuration refuses.
func Loopback() []string { return []string{"--allow-loopback-peers", "--allowed-peer-ip=127.0.0.1"} }

// Start runs coturn with the shipped configuration and these arguments besides, and returns when it answers. It is
// killed at the end of the test.
func Start(tb testing.TB, args ...string) *Server {
	tb.Helper()
	return StartOn(tb, "127.0.0.1", args...)
}

// StartOn is Start on another address of this machine, such as ::1.
func StartOn(tb testing.TB, ip string, args ...string) *Server {
	tb.Helper()
	binary := lookUp(tb)
	var last error
	for range startTries {
		s := &Server{Addr: net.JoinHostPort(ip, strconv.Itoa(freePort(tb, ip))), Secret: rand.Text(), log: &output{}}
		if last = s.start(tb, binary, args); last == nil {
			return s
		}
	}
	tb.Fatalf("start coturn: %v", last)
	return nil
}

func (s *Server) start(tb testing.TB, binary string, args []string) error {
	tb.Helper()
	ip, port, _ := net.SplitHostPort(s.Addr)
	cmd := exec.Command(binary, append([]string{
		"-c", Config(), "--listening-ip=" + ip, "--relay-ip=" + ip, "--listening-port=" + port,
		"--static-auth-secret=" + s.Secret, "--pidfile=" + filepath.Join(tb.TempDir(), "pid"),
	}, args...)...)
	cmd.Stdout, cmd.Stderr = s.log, s.log
	ended := make(chan struct{})
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(ended)
	}()
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if tb.Failed() {
			tb.Logf("log of coturn at %s:\n%s", s.Addr, s.Log())
		}
	})
	return s.await(ended)
}

// await returns when the server answers over UDP and TCP.
func (s *Server) await(ended <-chan struct{}) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(startTimeout)
	for {
		if answers(s.Addr) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ended:
			return errors.New("ended at once:\n" + s.Log())
		case <-limit:
			return errors.New("does not answer:\n" + s.Log())
		}
	}
}

// Config is the path of the shipped configuration.
func Config() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "deploy", "coturn", "turnserver.conf")
}
