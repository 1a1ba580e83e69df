package procfs_test

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rejoin-dev/rejoin/tools/loadtest/procfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParseStat(t *testing.T) {
	t.Parallel()
	const tail = " S 1 2 3 4 5 6 7 8 9 10 123 45 0 0 20 0 9 0 555"
	for _, name := range []string{"(signal)", "(a b)", "(odd) 1 2)"} {
		if got, err := procfs.ParseStat([]byte("77 " + name + tail)); err != nil || got != 1680*time.Millisecond {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for _, bad := range []string{"", "77 (x", "77 (x) S 1", "77 (x)" + strings.Replace(tail, "123", "abc", 1)} {
		if _, err := procfs.ParseStat([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestKilobytes(t *testing.T) {
	t.Parallel()
	file := []byte("Rss:                1088 kB\nPss:                  98 kB\nPss_Dirty:            84 kB\n")
	for name, want := range map[string]int64{"Rss:": 1088 << 10, "Pss:": 98 << 10, "Swap:": 0} {
		if got := procfs.Kilobytes(file, name); got != want {
			t.Errorf("%s %d, want %d", name, got, want)
		}
	}
}

func TestModelName(t *testing.T) {
	t.Parallel()
	if got := procfs.ModelName([]byte("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nmodel name\t: other\n")); got != "Some CPU @ 2 GHz" {
		t.Errorf("got %q", got)
	}
	if got := procfs.ModelName(nil); got != "" {
		t.Errorf("got %q", got)
	}
}

// TestOwnProcess looks at this process, about which a few things are known.
func TestOwnProcess(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc")
	}
	pid := os.Getpid()
	memory, err := procfs.MemoryOf(pid)
	if err != nil || memory.RSS < 1<<20 || memory.Peak < memory.RSS || memory.PSS > memory.RSS {
		t.Errorf("memory %+v, %v", memory, err)
	}
	if n, err := procfs.Descriptors(pid); err != nil || n < 3 {
		t.Errorf("%d descriptors, %v", n, err)
	}
	if _, err := procfs.CPU(pid); err != nil {
		t.Error(err)
	}
	if _, err := procfs.CPU(-1); err == nil {
		t.Error("a process that does not exist used time")
	}
	if m := procfs.ThisMachine(); m.Cores < 1 || m.Kernel == "" || m.MemoryBytes == 0 {
		t.Errorf("machine %+v", m)
	}
}

func TestBufferPages(t *testing.T) {
	t.Parallel()
	const sockstat = "sockets: used 80\nTCP: inuse 11 orphan 0 tw 2 alloc 12 mem 73\nUDP: inuse 0 mem 5\n"
	if n := procfs.BufferPages([]byte(sockstat)); n != 73 {
		t.Errorf("%d pages, want 73", n)
	}
	if n := procfs.BufferPages(nil); n != 0 {
		t.Errorf("%d pages of nothing", n)
	}
}
