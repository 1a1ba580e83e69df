// Package scenario is what the load test can do: idle, relay, resume, load, storm, jitter, peerjs, hostile, start. Each starts servers (or is told where they
// are), loads them from this process and from workers, and returns what it found as a report.File.
//
//	      ┌─ worker ─ connections that only hold ─────┐
//	Run ──┤                                           ├──► server 1 … n ──► Redis
//	      └─ loop, loop: the load that is measured ───┘       │               │
//	              └─ histograms, books ──► report.File ◄── /proc ─────────────┘
//
// load, storm and jitter have all their load in workers, each with whole pairs, so that one clock times a message from end to end:
//
//	gather ──► worker: users ──► pairs ──► laps (counts, durations) ──► crowd ──► watch: samples, progress
//
// Everything is bounded in count and time, and goes to 127.0.0.0/8 only. Linux only.
package scenario
