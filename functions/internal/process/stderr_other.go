//go:build !linux

package process

// unblockStderr is for Linux only.
func unblockStderr() {}
