// Package scenario is what the load test can do: idle, relay, resume, start. Each starts servers (or is told where they
// are), loads them from this process and from workers, and returns what it found as a report.File.
//
//	      ┌─ worker ─ connections that only hold ─────┐
//	Run ──┤                                           ├──► server 1 … n ──► Redis
//	      └─ loop, loop: the load that is measured ───┘       │               │
//	              └─ histograms, books ──► report.File ◄── /proc ─────────────┘
//
// Everything is bounded in count and time, and goes to 127.0.0.0/8 only. Linux only.
package scenario
