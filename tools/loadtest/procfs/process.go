package procfs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc: USER_HZ is 100 on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// CPU returns the processor time, user and system, that a process with all its threads has used, to 10 ms.
func CPU(pid int) (time.Duration, error) {
	b, err := os.ReadFile(path(pid, "stat"))
	if err != nil {
		return 0, err
	}
	return ParseStat(b)
}

// ParseStat reads the content of /proc/<pid>/stat. The name of the program stands in parentheses and may hold anything.
func ParseStat(b []byte) (time.Duration, error) {
	_, rest, _ := cutLast(b, ')')
	fields := bytes.Fields(rest)
	const user, system = 14 - 3, 15 - 3 // proc(5) counts from 1, and the rest begins with field 3
	if len(fields) <= system {
		return 0, errors.New("stat has too few fields")
	}
	var sum time.Duration
	for _, i := range []int{user, system} {
		n, err := strconv.ParseUint(string(fields[i]), 10, 48)
		if err != nil {
			return 0, fmt.Errorf("parse stat: %w", err)
		}
		sum += time.Duration(n) * tick
	}
	return sum, nil
}

func cutLast(b []byte, sep byte) (before, after []byte, ok bool) {
	at := bytes.LastIndexByte(b, sep)
	if at < 0 {
		return b, nil, false
	}
	return b[:at], b[at+1:], true
}

// Memory is that of a process, in bytes.
type Memory struct {
	RSS  int64 // resident
	PSS  int64 // resident, shared pages divided by their users; 0 when the kernel does not tell
	Peak int64 // the largest RSS so far
}

// MemoryOf returns the memory of a process.
func MemoryOf(pid int) (Memory, error) {
	status, err := os.ReadFile(path(pid, "status"))
	if err != nil {
		return Memory{}, err
	}
	m := Memory{RSS: Kilobytes(status, "VmRSS:"), Peak: Kilobytes(status, "VmHWM:")}
	if rollup, err := os.ReadFile(path(pid, "smaps_rollup")); err == nil {
		// More exact: the counters in status lag behind by up to 64 pages a thread.
		m.RSS, m.PSS = Kilobytes(rollup, "Rss:"), Kilobytes(rollup, "Pss:")
	}
	m.Peak = max(m.Peak, m.RSS)
	return m, nil
}

// Kilobytes returns the value, in bytes, of the line that begins with name in a file like status or smaps_rollup; 0 when
// there is none.
func Kilobytes(file []byte, name string) int64 {
	for line := range strings.Lines(string(file)) {
		if value, ok := strings.CutPrefix(line, name); ok {
			n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 53)
			return n << 10
		}
	}
	return 0
}

// Descriptors returns how many file descriptors a process has open.
func Descriptors(pid int) (int, error) {
	dir, err := os.Open(path(pid, "fd"))
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	return len(names), err
}

func path(pid int, file string) string { return "/proc/" + strconv.Itoa(pid) + "/" + file }
