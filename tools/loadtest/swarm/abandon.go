//go:build linux

package swarm

import "golang.org/x/sys/unix"

// Abandon leaves the connection as a phone without a network does: from now on nothing is read or written, the handler hears nothing more, and
// the server is told nothing. Its socket stays until Close or Reset, or until the loop ends.
func (c *Conn) Abandon() {
	if c.state == closed {
		return
	}
	_ = unix.EpollCtl(c.loop.epoll, unix.EPOLL_CTL_DEL, c.fd, nil) // it was watched
	c.out, c.sent, c.abandoned = nil, 0, true
}
