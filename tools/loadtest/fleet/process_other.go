//go:build !linux

package fleet

import "syscall"

// dieWithParent does nothing: only Linux can promise it.
func dieWithParent() *syscall.SysProcAttr { return nil }
