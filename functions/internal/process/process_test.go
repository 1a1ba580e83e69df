package process_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rejoin-dev/rejoin/functions/internal/process"
)

const variable = "REJOIN_PROCESS_TEST"

// functions are what this test's binary is when it is started with the variable set.
var functions = map[string]func(context.Context, *process.Process) error{
	"obedient": func(ctx context.Context, p *process.Process) error {
		fmt.Fprintln(p.Out, "ready")
		<-ctx.Done()
		return fmt.Errorf("wait: %w", ctx.Err())
	},
	"fails": func(context.Context, *process.Process) error { return errors.New("bad settings") },
	"fails late": func(ctx context.Context, p *process.Process) error {
		fmt.Fprintln(p.Out, "ready")
		<-ctx.Done()
		return errors.New("something was left")
	},
	"stubborn": func(ctx context.Context, p *process.Process) error {
		p.EndWithin(time.Second)
		fmt.Fprintln(p.Out, "ready")
		<-ctx.Done()
		fmt.Fprintln(p.Out, "ending")
		select {}
	},
	"patient": func(ctx context.Context, p *process.Process) error {
		p.EndWithin(time.Hour)
		fmt.Fprintln(p.Out, "ready")
		<-ctx.Done()
		fmt.Fprintln(p.Out, "ending")
		select {}
	},
	"library": func(_ context.Context, p *process.Process) error {
		log.Print("before there is a logger")
		p.Logger("json", slog.LevelInfo)
		log.Print("a library speaks")
		return nil
	},
	"panics": func(context.Context, *process.Process) error { panic("a trace is due") },
	"talks": func(_ context.Context, p *process.Process) error {
		l := p.Logger("text", slog.LevelInfo)
		for range 20_000 {
			l.Info("a line for either output, without a reader")
			log.Print("the same of a library")
		}
		return nil
	},
}

func TestMain(m *testing.M) {
	if f := functions[os.Getenv(variable)]; f != nil {
		process.Main(f)
	}
	os.Exit(m.Run())
}

// child is this test's binary as a function. Its outputs are buffers unless the test has put others there.
type child struct {
	*exec.Cmd
	t *testing.T
}

func newChild(t *testing.T, function string) child {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), variable+"="+function)
	return child{c, t}
}

// start returns what the child prints to stdout.
func (c child) start() io.Reader {
	c.t.Helper()
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = c.Process.Kill() })
	return out
}

func (c child) await(out io.Reader, text string) {
	c.t.Helper()
	got := make([]byte, len(text)+1)
	if _, err := io.ReadFull(out, got); err != nil || string(got) != text+"\n" {
		c.t.Fatalf("got %q, %v, want %q", got, err, text)
	}
}

func (c child) send(signals ...syscall.Signal) {
	for _, s := range signals {
		_ = c.Process.Signal(s)
	}
}

// status waits for the end: what wait returns is that of the shell.
func (c child) status() int {
	_ = c.Wait()
	if c.ProcessState == nil {
		return -1
	}
	if ws := c.ProcessState.Sys().(syscall.WaitStatus); ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return c.ProcessState.ExitCode()
}

func TestExitStatus(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		function string
		signals  []syscall.Signal
		again    syscall.Signal
		want     int
		stderr   string
	}{
		{"obedient", []syscall.Signal{syscall.SIGTERM}, 0, 0, ""},
		{"obedient", []syscall.Signal{syscall.SIGINT}, 0, 0, ""},
		{"obedient", []syscall.Signal{syscall.SIGHUP}, 0, 0, ""},
		{"obedient", []syscall.Signal{syscall.SIGPIPE, syscall.SIGTERM}, 0, 0, ""},
		{"fails late", []syscall.Signal{syscall.SIGTERM}, 0, 0, "something was left\n"},
		{"stubborn", []syscall.Signal{syscall.SIGTERM}, 0, 1, "not ended in time: ending now\n"},
		{"stubborn", []syscall.Signal{syscall.SIGTERM}, syscall.SIGHUP, 1, "not ended in time: ending now\n"},
		{"patient", []syscall.Signal{syscall.SIGTERM}, syscall.SIGTERM, 143, ""},
		{"patient", []syscall.Signal{syscall.SIGTERM}, syscall.SIGINT, 130, ""},
		{"patient", []syscall.Signal{syscall.SIGHUP}, syscall.SIGTERM, 143, ""},
	} {
		t.Run(fmt.Sprintf("%s/%v/%v", c.function, c.signals, c.again), func(t *testing.T) {
			t.Parallel()
			p := newChild(t, c.function)
			var stderr bytes.Buffer
			p.Stderr = &stderr
			out := p.start()
			p.await(out, "ready")
			p.send(c.signals...)
			if c.again != 0 {
				p.await(out, "ending")
				p.send(c.again)
			}
			if got := p.status(); got != c.want || stderr.String() != c.stderr {
				t.Errorf("status %d, want %d; stderr %q, want %q", got, c.want, stderr.String(), c.stderr)
			}
		})
	}
}

func TestErrorIsPrinted(t *testing.T) {
	t.Parallel()
	p := newChild(t, "fails")
	var stderr bytes.Buffer
	p.Stderr = &stderr
	p.start()
	if got := p.status(); got != 1 || stderr.String() != "bad settings\n" {
		t.Errorf("status %d, stderr %q", got, stderr.String())
	}
}

// TestHangupOfNohup: a process that was started to outlive its terminal does.
func TestHangupOfNohup(t *testing.T) {
	t.Parallel()
	p := newChild(t, "obedient")
	p.Path, p.Args = "/bin/sh", []string{"sh", "-c", `trap "" HUP; exec "$0"`, os.Args[0]}
	out := p.start()
	p.await(out, "ready")
	p.send(syscall.SIGHUP)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, ignored, _ := strings.Cut(string(status), "SigIgn:")
	var mask uint64
	if _, err := fmt.Sscanf(ignored, "%x", &mask); err != nil || mask&1 == 0 {
		t.Errorf("SIGHUP is not ignored: %x, %v", mask, err)
	}
	p.send(syscall.SIGTERM)
	if got := p.status(); got != 0 {
		t.Errorf("status %d", got)
	}
}

func TestLibrariesLogTheSameWay(t *testing.T) {
	t.Parallel()
	p := newChild(t, "library")
	var stderr bytes.Buffer
	p.Stderr = &stderr
	text, _ := io.ReadAll(p.start())
	if got := p.status(); got != 0 || !strings.Contains(string(text), `"msg":"a library speaks"`) || !strings.HasSuffix(stderr.String(), "before there is a logger\n") {
		t.Errorf("status %d, stdout %q, stderr %q", got, text, stderr.String())
	}
}

// full is a pipe with no room left, to write, with the end to read it.
func full(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.Close()
		_ = w.Close()
	})
	_ = w.SetWriteDeadline(time.Now().Add(time.Millisecond))
	for err == nil {
		_, err = w.Write(make([]byte, unix.Getpagesize()))
	}
	return r, w
}

// gone is a pipe whose reading end is closed.
func gone(t *testing.T) (_, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	t.Cleanup(func() { _ = w.Close() })
	return nil, w
}

// TestOutputsThatTakeNothing: whatever stdout and stderr are, a function that prints and one that panics end by themselves.
func TestOutputsThatTakeNothing(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(*testing.T) (r, w *os.File){"full": full, "gone": gone} {
		for function, want := range map[string]int{"talks": 0, "panics": 2, "fails": 1} {
			t.Run(name+"/"+function, func(t *testing.T) {
				t.Parallel()
				p := newChild(t, function)
				_, w := make(t)
				p.Stdout, p.Stderr = w, w
				if err := p.Start(); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = p.Process.Kill() })
				if got := p.status(); got != want {
					t.Errorf("status %d, want %d", got, want)
				}
			})
		}
	}
}

// TestTraceOfPanic: it reaches a reader that reads, whole, though the process never waits for one.
func TestTraceOfPanic(t *testing.T) {
	t.Parallel()
	p := newChild(t, "panics")
	r, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.start()
	text, _ := io.ReadAll(r)
	if got := p.status(); got != 2 || !strings.HasPrefix(string(text), "panic: a trace is due") || !strings.Contains(string(text), "process_test.go") {
		t.Errorf("status %d, stderr %q", got, text)
	}
}
