//go:build unix && !linux

package evloop

import (
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// read is read(2) on a descriptor in non-blocking mode.
func read(fd int, b []byte) (int, error) { return unix.Read(fd, b) }

// writeRaw is write(2) on a descriptor in non-blocking mode.
func writeRaw(fd int, b []byte) (int, error) { return unix.Write(fd, b) }

// peek is recv(2) that neither waits nor takes what it reads.
func peek(fd int, b []byte) (int, error) {
	n, _, err := unix.Recvfrom(fd, b, unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return n, err
}

// accept is accept(2) on a listener in non-blocking mode, as the socket is then.
func accept(listener int) (fd int, peer netip.Addr, err error) {
	syscall.ForkLock.RLock() // so that no child process inherits the descriptor
	fd, sa, err := unix.Accept(listener)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, peer, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return -1, peer, err
	}
	return fd, addrOf(sa), nil
}
