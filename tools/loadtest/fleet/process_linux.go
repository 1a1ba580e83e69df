package fleet

import "syscall"

// dieWithParent has the kernel kill the child when the load test is killed.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
