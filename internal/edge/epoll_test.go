//go:build linux && !portable

package edge_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRoomIsWaitedForOnlyWhileNeeded: a flushed socket is no longer watched for writability. It is always writable, so the loop would never
// sleep again.
func TestRoomIsWaitedForOnlyWhileNeeded(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), nil)
	c, s := r.open(t)
	fd := descriptorOf(t, c)
	payload := bytes.Repeat([]byte("q"), 4<<20)
	s.conn.Send(payload)
	eventually(t, "room to be waited for", func() bool { return watched(t, fd)&unix.EPOLLOUT != 0 })
	c.expect(text, payload)
	eventually(t, "that to end", func() bool { return watched(t, fd)&unix.EPOLLOUT == 0 })
}

// watched returns the events that an epoll instance of this process watches a descriptor for (proc(5), fdinfo).
func watched(t *testing.T, fd int) uint64 {
	t.Helper()
	files, err := filepath.Glob("/proc/self/fdinfo/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it is closed by now
		}
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line) // tfd: 7 events: 1d data: …
			if len(f) > 3 && f[0] == "tfd:" && f[1] == strconv.Itoa(fd) && f[2] == "events:" {
				events, err := strconv.ParseUint(f[3], 16, 64)
				if err != nil {
					t.Fatal(err)
				}
				return events
			}
		}
	}
	return 0
}
