package redistest

import "syscall"

// dieWithParent has the kernel kill the child when the test process ends without cleaning up:
// a time-out of go test, or kill -9.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
