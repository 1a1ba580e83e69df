// Package process is what every function does with its process: signals, the log, the exit status.
//
//	running ── SIGTERM, SIGINT, SIGHUP ──► ending ── all is done ──────────────► 0
//	   │ error                               │ ── EndWithin is nearly over ────► 1
//	   ▼                                     └─── SIGTERM or SIGINT again ─────► 128 + signal
//	   1
//
// SIGPIPE is ignored, and SIGHUP too where it was when the process started (nohup).
package process
