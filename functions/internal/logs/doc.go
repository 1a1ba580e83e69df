// Package logs writes a function's log so that nothing ever waits for it. The log's reader may be slow, hang forever or be gone:
//
//	slog, net/http, OpenTelemetry, log ──► Pipe: 256 KiB ──► one goroutine ──► stdout or stderr
//	                                          │ full, or the write failed
//	                                          └──► lines are dropped and counted; one line says how many once it works again
//
// Functions ignore SIGPIPE (see functions/internal/process), because otherwise Go kills a process that writes to a closed stdout.
package logs
