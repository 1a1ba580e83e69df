package process

import (
	"golang.org/x/sys/unix"
)

// unblockStderr makes sure that the runtime, which writes the trace of a panic to descriptor 2 by itself and with the world stopped,
// is not held there by a reader that does not read: what has no room is cut. A pipe or a terminal is opened anew for that, because
// the mode of the old one is shared with other processes; a socket gets a time-out. What cannot be changed stays as it is.
func unblockStderr() {
	const stderr = 2
	var about unix.Stat_t
	if unix.Fstat(stderr, &about) != nil {
		return
	}
	switch about.Mode & unix.S_IFMT {
	case unix.S_IFSOCK:
		_ = unix.SetsockoptTimeval(stderr, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{Sec: 1})
	case unix.S_IFIFO, unix.S_IFCHR:
		fd, err := unix.Open("/proc/self/fd/2", unix.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		if err != nil {
			return
		}
		_ = unix.Dup3(fd, stderr, 0)
		_ = unix.Close(fd)
	}
}
