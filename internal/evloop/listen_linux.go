package evloop

import "golang.org/x/sys/unix"

// userTimeout is how long sent data may stay unacknowledged by the peer's kernel, in milliseconds.
const userTimeout = 30_000

// setUserTimeout lets the kernel find out about a dead peer while something is being sent (RFC 5482). It is an extra: an error changes
// nothing.
func setUserTimeout(fd int) {
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, userTimeout)
}
