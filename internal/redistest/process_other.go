//go:build !linux

package redistest

import "syscall"

// dieWithParent does nothing: only Linux can promise it.
func dieWithParent() *syscall.SysProcAttr { return nil }
