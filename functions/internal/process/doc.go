// Package process handles what all functions have in common as processes: signals, the log, the exit status.
//
//	running ── SIGTERM, SIGINT, SIGHUP ──► ending ── done ─────────────────────► 0
//	   │ error                               │ ── EndWithin is nearly over ────► 1
//	   ▼                                     └─── SIGTERM or SIGINT again ─────► 128 + signal
//	   1
//
// SIGPIPE is ignored, and so is SIGHUP if it was ignored when the process started (nohup).
package process
