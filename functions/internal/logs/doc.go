// Package logs writes the log of a function so that the log holds up nothing. Its reader may be slow, hang for ever or be gone:
//
//	slog, net/http, OpenTelemetry, log ──► Pipe: 256 KiB ──► one goroutine ──► stdout or stderr
//	                                          │ full, or the write failed
//	                                          └──► lines are dropped and counted; one line says how many once it works again
//
// A function ignores SIGPIPE (see functions/internal/process): without that, Go ends a process that writes to a closed stdout.
package logs
