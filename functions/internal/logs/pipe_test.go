package logs_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/functions/internal/logs"
)

// ample is longer than anything here takes.
const ample = time.Minute

// osPipe is a real pipe, whose ends are closed at the end of the test.
func osPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.Close()
		_ = w.Close()
	})
	return r, w
}

type line struct {
	Level, Msg string
	N          int
	Lines      int
}

func parse(t *testing.T, text []byte) line {
	t.Helper()
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		t.Fatalf("%q is no line: %v", text, err)
	}
	return l
}

func TestPassesLinesOn(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer // read after Close
	p := logs.NewPipe(&out)
	log := p.Logger("text", slog.LevelInfo)
	log.Debug("no")
	for n := range 100 {
		log.Info("line", "n", n)
	}
	if !p.Close(ample) {
		t.Fatal("not written in time")
	}
	got := strings.Split(strings.TrimSpace(out.String()), "\n")
	for n, text := range got {
		if !strings.HasSuffix(text, fmt.Sprintf("msg=line n=%d", n)) {
			t.Fatalf("line %d is %q", n, text)
		}
	}
	if len(got) != 100 || p.Dropped() != 0 {
		t.Errorf("%d lines, %d dropped", len(got), p.Dropped())
	}
	log.Info("late")
	if p.Dropped() != 1 {
		t.Errorf("%d dropped after the end, want 1", p.Dropped())
	}
}

// TestHangingReader: nothing waits for a reader that hangs, and when it goes on it gets what was kept, in order, then the number of
// what was not, then what is new.
func TestHangingReader(t *testing.T) {
	t.Parallel()
	r, w := osPipe(t)
	p := logs.NewPipe(w)
	log := p.Logger("json", slog.LevelError) // the notice counts whatever the level
	const total = 20_000
	for n := range total {
		log.Error(strings.Repeat("x", 50), "n", n) // more than 2 MB
	}
	dropped := int(p.Dropped())
	if dropped == 0 {
		t.Fatal("nothing was dropped, so this test has shown nothing")
	}
	lines := bufio.NewScanner(r)
	for n := 0; lines.Scan(); n++ {
		got := parse(t, lines.Bytes())
		if got.Lines > 0 {
			if n+got.Lines != total || got.Level != "WARN" {
				t.Errorf("%d lines, then %s: %d dropped, of %d", n, got.Level, got.Lines, total)
			}
			break
		}
		if got.N != n {
			t.Fatalf("line %d is number %d", n, got.N)
		}
	}
	log.Error("new")
	if lines.Scan(); parse(t, lines.Bytes()).Msg != "new" {
		t.Errorf("got %q", lines.Bytes())
	}
	if int(p.Dropped()) != dropped {
		t.Errorf("%d dropped, %d before it was read", p.Dropped(), dropped)
	}
	if !p.Close(ample) {
		t.Error("not written in time")
	}
}

func TestCloseWaitsNoLongerThanAsked(t *testing.T) {
	t.Parallel()
	r, w := osPipe(t)
	p := logs.NewPipe(w)
	for range 1000 {
		_, _ = p.Write(bytes.Repeat([]byte("x"), 200))
	}
	if p.Close(time.Millisecond) {
		t.Error("written, though there is no reader")
	}
	go func() { _, _ = io.Copy(io.Discard, r) }() // lets the goroutine go
	if !p.Close(ample) {
		t.Error("not written, though it is read")
	}
	_ = w.Close()
}

func TestReaderIsGone(t *testing.T) {
	t.Parallel()
	r, w := osPipe(t)
	_ = r.Close()
	p := logs.NewPipe(w)
	for range 3 {
		if n, err := p.Write([]byte("a line\n")); n != 7 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if !p.Close(ample) || p.Dropped() != 3 {
		t.Errorf("%d dropped, want 3", p.Dropped())
	}
}

// disk is an output that takes bytes while it has room.
type disk struct {
	mu   sync.Mutex
	room int
	err  error
	text bytes.Buffer
	more chan struct{}
}

func (d *disk) Write(b []byte) (n int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n = min(len(b), d.room)
	d.room -= n
	d.text.Write(b[:n])
	if n < len(b) {
		err = d.err
	}
	select {
	case d.more <- struct{}{}:
	default:
	}
	return n, err
}

func (d *disk) free(room int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room += room
}

func (d *disk) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.String()
}

// TestDiskIsFull: a line that was cut in the middle counts as dropped, and the next ones are whole again.
func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	d := &disk{room: 10, err: syscall.ENOSPC, more: make(chan struct{}, 1)}
	p := logs.NewPipe(d)
	_, _ = p.Write([]byte("first\nsecond\n"))
	for d.String() != "first\nseco" {
		<-d.more
	}
	d.free(1000)
	_, _ = p.Write([]byte("third\n"))
	if !p.Close(ample) {
		t.Fatal("not written in time")
	}
	if got, want := d.String(), "first\nseco\nlog lines dropped: 1\nthird\n"; got != want || p.Dropped() != 1 {
		t.Errorf("got %q, want %q; %d dropped", got, want, p.Dropped())
	}
}

// TestNotReadyYet: a descriptor that another process made non-blocking loses nothing.
func TestNotReadyYet(t *testing.T) {
	t.Parallel()
	d := &disk{room: 3, err: &os.PathError{Op: "write", Err: syscall.EAGAIN}, more: make(chan struct{}, 1)}
	if !errors.Is(d.err, syscall.EAGAIN) {
		t.Fatal("not what the kernel says")
	}
	p := logs.NewPipe(d)
	_, _ = p.Write([]byte("a line\n"))
	for d.String() != "a line\n" {
		<-d.more
		d.free(1)
	}
	if !p.Close(ample) || p.Dropped() != 0 {
		t.Errorf("%d dropped", p.Dropped())
	}
}
