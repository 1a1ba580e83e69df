package client_test

import (
	"bufio"
	"encoding/json"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(withServer{m}) }

// withServer ends the server of the examples, if one of them has run, before goleak looks.
type withServer struct{ *testing.M }

func (m withServer) Run() int {
	code := m.M.Run()
	endServer()
	return code
}

// endServer is set while the server of the examples runs.
var endServer = func() {}

// signaling is the address of a real server, built from the folder above, which runs until all tests have ended. internal/proctest would
// start it too, but a module that only tests need is still a requirement of every importer, and the server's needs a newer Go.
var signaling = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "rejoin-client-")
	if err != nil {
		log.Fatal(err)
	}
	binary := filepath.Join(dir, "signal")
	if out, err := exec.Command("go", "build", "-C", "..", "-o", binary, "./functions/signal").CombinedOutput(); err != nil {
		log.Fatalf("build functions/signal: %v\n%s", err, out)
	}
	server := exec.Command(binary)
	server.Env = []string{"PORT=0", "HTTP_PORT=0", "HOST=127.0.0.1", "LOG_FORMAT=json", "PATH=" + os.Getenv("PATH")}
	server.Stderr = os.Stderr
	out, err := server.StdoutPipe()
	if err != nil {
		log.Fatal(err)
	}
	if err := server.Start(); err != nil {
		log.Fatal(err)
	}
	listening, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var line struct{ Msg, Websocket string }
			if json.Unmarshal(lines.Bytes(), &line) != nil || line.Msg != "listening" {
				continue
			}
			_, port, _ := strings.Cut(line.Websocket, "localhost:")
			port, _, _ = strings.Cut(port, "/")
			listening <- "ws://127.0.0.1:" + port
		}
	}()
	endServer = func() {
		_ = server.Process.Kill()
		<-ended
		_ = server.Wait()
		_ = os.RemoveAll(dir)
	}
	select {
	case url := <-listening:
		return url
	case <-ended:
		endServer()
		log.Fatal("functions/signal ended before it listened")
		return ""
	}
})
