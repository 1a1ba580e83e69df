// Package proctest runs the real server, functions/signal, as processes of their own for tests; functions/iceservers too.
//
//	Start ──► running ── Terminate (SIGTERM) ──► draining ──► ended
//	           │   ▲                                           ▲
//	      Freeze   Thaw                    Kill (SIGKILL) ─────┘
//	           ▼   │
//	          frozen
//
// The binary is built once per test process, with the race detector when the test itself has it. Ports are free ones,
// chosen by the kernel; what the process logs is printed when its test fails.
package proctest
