//go:build unix && !linux

package edge

import "golang.org/x/sys/unix"

// writeOnce is write(2) on a descriptor that does not block.
func writeOnce(fd int, b []byte) (int, error) { return unix.Write(fd, b) }
