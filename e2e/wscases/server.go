package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// server is a functions/signal of our own, on a free port and the embedded Redis.
type server struct {
	url string
	cmd *exec.Cmd
	dir string
}

// startServer builds and starts a server and returns when it listens. It has to be called inside of the module's tree,
// and blocks for as long as the compiler takes. The server is killed when ctx ends.
func startServer(ctx context.Context) (_ *server, err error) {
	dir, err := os.MkdirTemp("", "rejoin-wscases-")
	if err != nil {
		return nil, fmt.Errorf("make a place for the server: %w", err)
	}
	s := &server{dir: dir}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	binary := filepath.Join(dir, "signal")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/rejoin-dev/rejoin/functions/signal")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the server: %w\n%s", err, strings.TrimSpace(string(out)))
	}
	cmd := exec.CommandContext(ctx, binary)
	cmd.Env = []string{"PORT=0", "HTTP_PORT=0", "HOST=127.0.0.1", "LOG_FORMAT=json", "RATE_LIMIT_MESSAGES=0", "PATH=" + os.Getenv("PATH")}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	s.cmd = cmd
	lines := bufio.NewReader(out)
	if s.url, err = listening(lines); err != nil {
		return nil, err
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }() // ends with the process
	return s, nil
}

// listening reads the log up to the line that says where the server listens.
func listening(log *bufio.Reader) (url string, err error) {
	for {
		line, err := log.ReadBytes('\n')
		if err != nil {
			return "", fmt.Errorf("wait for the server to listen: %w", err)
		}
		var said struct{ Msg, Websocket string }
		if json.Unmarshal(line, &said) != nil || said.Msg != "listening" {
			continue
		}
		_, port, ok := strings.Cut(said.Websocket, "localhost:")
		if !ok {
			return "", errors.New("the server does not say where it listens")
		}
		port, _, _ = strings.Cut(port, "/")
		return "ws://127.0.0.1:" + port, nil
	}
}

// stop ends the server and removes what was built.
func (s *server) stop() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	}
	_ = os.RemoveAll(s.dir)
}
