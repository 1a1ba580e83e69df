// Package procfs reads from /proc what a load test wants to know about a process and about the machine. Linux only: elsewhere every
// function returns an error.
package procfs
