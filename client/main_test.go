package client_test

import (
	"bufio"
	"context"
	"encoding/json"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(withServer{m}) }

// withServer ends the server of the examples, if one of them has run, before goleak looks.
type withServer struct{ *testing.M }

func (m withServer) Run() int {
	code := m.M.Run()
	endServer()
	if built != "" {
		_ = os.RemoveAll(built)
	}
	return code
}

// built is the directory of the server's binary, once it was needed.
var built string

// endServer is set while the server of the examples runs.
var endServer = func() {}

// signaling is the address of a real server which runs until all tests have ended.
var signaling = sync.OnceValue(func() string {
	at, end := startServer()
	endServer = end
	return at.websocket
})

// address is where a server listens.
type address struct{ websocket, private string }

// binary is the server, built from the folder above. internal/proctest would start it too, but a module that only tests need is still a
// requirement of every importer, and the server's needs a newer Go.
var binary = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "rejoin-client-")
	if err != nil {
		log.Fatal(err)
	}
	built = dir
	path := filepath.Join(dir, "signal")
	if out, err := exec.Command("go", "build", "-C", "..", "-o", path, "./functions/signal").CombinedOutput(); err != nil {
		log.Fatalf("build functions/signal: %v\n%s", err, out)
	}
	return path
})

// startServer starts a real server with further settings; end stops it.
func startServer(env ...string) (at address, end func()) {
	server := exec.Command(binary())
	server.Env = append([]string{"PORT=0", "HTTP_PORT=0", "HOST=127.0.0.1", "LOG_FORMAT=json", "PATH=" + os.Getenv("PATH")}, env...)
	server.Stderr = os.Stderr
	out, err := server.StdoutPipe()
	if err != nil {
		log.Fatal(err)
	}
	if err := server.Start(); err != nil {
		log.Fatal(err)
	}
	listening, ended := make(chan address, 1), make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var line struct{ Msg, Websocket, Private string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
				listening <- address{"ws://127.0.0.1:" + port(line.Websocket), "http://127.0.0.1:" + port(line.Private)}
			}
		}
	}()
	end = func() {
		_ = server.Process.Kill()
		<-ended
		_ = server.Wait()
	}
	select {
	case at := <-listening:
		return at, end
	case <-ended:
		end()
		log.Fatal("functions/signal ended before it listened")
		return address{}, nil
	}
}

// port is what stands behind the host in a URL of the log.
func port(url string) string {
	_, port, _ := strings.Cut(url, "localhost:")
	port, _, _ = strings.Cut(port, "/")
	return port
}

// until waits for what no event tells of.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
