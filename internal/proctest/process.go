package proctest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// startTimeout is how long a process may take to listen; a slow machine under the race detector needs some.
const startTimeout = 30 * time.Second

// Process is a running function. Its methods are safe for concurrent use.
type Process struct {
	tb       testing.TB
	cmd      *exec.Cmd
	function string
	out      *os.File // stdout and stderr of the process, to read

	address, private string

	mu        sync.Mutex
	log       bytes.Buffer // guarded by mu
	listening chan struct{}
	ended     chan struct{}
	result    error // valid after ended
}

// Start runs the server with the given settings ("NAME=value") on free ports and returns when it listens. It is killed
// at the end of the test, if it still runs.
func Start(tb testing.TB, settings ...string) *Process {
	tb.Helper()
	return start(tb, signalFunction, raceEnabled, settings)
}

// StartICEServers runs functions/iceservers in the same way.
func StartICEServers(tb testing.TB, settings ...string) *Process {
	tb.Helper()
	return start(tb, iceFunction, raceEnabled, settings)
}

// StartPlain is Start without the race detector, for tests that measure.
func StartPlain(tb testing.TB, settings ...string) *Process {
	tb.Helper()
	return start(tb, signalFunction, false, settings)
}

// StartBinary is Start for a server that was built before, of another version say.
func StartBinary(tb testing.TB, path string, settings ...string) *Process {
	tb.Helper()
	p := launchPath(tb, path, signalFunction, settings)
	p.await()
	return p
}

func start(tb testing.TB, function string, race bool, settings []string) *Process {
	tb.Helper()
	p := launch(tb, function, race, settings)
	p.await()
	return p
}

// await returns when the process listens.
func (p *Process) await() {
	tb, function := p.tb, p.function
	tb.Helper()
	select {
	case <-p.listening:
	case <-p.ended:
		tb.Fatalf("functions/%s ended before it listened: %v\n%s", function, p.result, p.Log())
	case <-time.After(startTimeout):
		tb.Fatalf("functions/%s does not listen\n%s", function, p.Log())
	}
}

// Launch runs the server and does not wait until it listens.
func Launch(tb testing.TB, settings ...string) *Process {
	tb.Helper()
	return launch(tb, signalFunction, raceEnabled, settings)
}

// LaunchICEServers is the same for functions/iceservers.
func LaunchICEServers(tb testing.TB, settings ...string) *Process {
	tb.Helper()
	return launch(tb, iceFunction, raceEnabled, settings)
}

func launch(tb testing.TB, function string, race bool, settings []string) *Process {
	tb.Helper()
	return launchPath(tb, binaries[build{function, race}].build(tb), function, settings)
}

func launchPath(tb testing.TB, path, function string, settings []string) *Process {
	tb.Helper()
	p := &Process{
		tb: tb, function: function, ended: make(chan struct{}), listening: make(chan struct{}),
		cmd: exec.Command(path),
	}
	p.cmd.Env = append([]string{"PORT=0", "HTTP_PORT=0", "HOST=127.0.0.1", "LOG_FORMAT=json", "GORACE=halt_on_error=1 atexit_sleep_ms=0", "PATH=" + os.Getenv("PATH")},
		settings...)
	out, in, err := os.Pipe()
	if err != nil {
		tb.Fatal(err)
	}
	p.out, p.cmd.Stdout, p.cmd.Stderr = out, in, in
	if err := p.cmd.Start(); err != nil {
		tb.Fatalf("start functions/%s: %v", function, err)
	}
	_ = in.Close() // the process has it now
	go p.read()
	tb.Cleanup(p.cleanup)
	return p
}

var portPattern = regexp.MustCompile(`localhost:(\d+)`)

// read keeps the log, looks for the ports in it, and waits for the end of the process.
func (p *Process) read() {
	lines := bufio.NewScanner(p.out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.mu.Lock()
		p.log.Write(append(lines.Bytes(), '\n'))
		p.mu.Unlock()
		var line struct{ Msg, Websocket, Private, URL string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" && p.address == "" {
			p.address = "127.0.0.1:" + portPattern.FindStringSubmatch(line.Websocket + line.URL)[1]
			p.private = "http://127.0.0.1:" + portPattern.FindStringSubmatch(line.Private + line.URL)[1]
			close(p.listening)
		}
	}
	p.result = p.cmd.Wait()
	close(p.ended)
}

// CloseLog closes the pipe that the process logs to, as a log shipper that crashes does. What is logged later is not in Log.
func (p *Process) CloseLog() { _ = p.out.Close() }

// HoldLog stops reading the pipe that the process logs to, which stays open. What is logged later is not in Log.
func (p *Process) HoldLog() { _ = p.out.SetReadDeadline(time.Now()) }

// Awake returns when the process handles signals: it ignores SIGPIPE by then (Linux only).
func (p *Process) Awake(ctx context.Context) {
	const sigpipe = 1 << (syscall.SIGPIPE - 1)
	for ctx.Err() == nil {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
		_, ignored, _ := strings.Cut(string(status), "SigIgn:")
		line, _, _ := strings.Cut(ignored, "\n")
		if mask, err := strconv.ParseUint(strings.TrimSpace(line), 16, 64); err == nil && mask&sigpipe != 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	p.tb.Errorf("functions/%s does not handle signals", p.function)
}

func (p *Process) cleanup() {
	_ = p.cmd.Process.Signal(syscall.SIGCONT)
	p.Kill()
	_ = p.out.Close()
	if p.tb.Failed() {
		p.tb.Logf("log of the process at %s:\n%s", p.address, p.Log())
	}
}

// Addr is host:port of the WebSocket port, URL the same as ws://….
func (p *Process) Addr() string { return p.address }

// URL is where clients connect: ws://127.0.0.1:port.
func (p *Process) URL() string { return "ws://" + p.address }

// PrivateAddr is host:port of the private HTTP port.
func (p *Process) PrivateAddr() string { return strings.TrimPrefix(p.private, "http://") }

// PID is the process ID.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Log returns what the process printed so far.
func (p *Process) Log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// Kill ends the process at once, as a crash does (SIGKILL), and returns when it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// Terminate asks the process to end (SIGTERM) and returns at once; see Wait.
func (p *Process) Terminate() { _ = p.cmd.Process.Signal(syscall.SIGTERM) }

// Interrupt asks the process to end (SIGINT) and returns at once.
func (p *Process) Interrupt() { _ = p.cmd.Process.Signal(os.Interrupt) }

// Signal sends the process any signal.
func (p *Process) Signal(s os.Signal) { _ = p.cmd.Process.Signal(s) }

// Freeze stops the process (SIGSTOP); Thaw lets it run on (SIGCONT).
func (p *Process) Freeze() { _ = p.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw undoes Freeze.
func (p *Process) Thaw() { _ = p.cmd.Process.Signal(syscall.SIGCONT) }

// Wait returns when the process has ended, with an error unless it ended well, or when ctx is done.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.ended:
		return p.result
	case <-ctx.Done():
		return fmt.Errorf("wait for functions/%s: %w", p.function, ctx.Err())
	}
}

// Get asks the private port and returns status and body; status 0 when there is no answer.
func (p *Process) Get(path string) (status int, body string) {
	client := http.Client{Timeout: startTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(p.private + path)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(b)
}

// Metric returns the sum of all series of a metric.
func (p *Process) Metric(name string) float64 {
	_, body := p.Get("/metrics")
	sum := 0.0
	for line := range strings.Lines(body) {
		series, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if base, _, _ := strings.Cut(series, "{"); ok && base == name {
			v, _ := strconv.ParseFloat(value, 64)
			sum += v
		}
	}
	return sum
}

// Peak returns the largest resident memory the process ever had, in bytes (VmHWM, Linux only).
func (p *Process) Peak() int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	if err != nil {
		p.tb.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, _ := strconv.ParseInt(strings.Fields(kb)[0], 10, 64)
			return n << 10
		}
	}
	p.tb.Fatal("no VmHWM in /proc")
	return 0
}
