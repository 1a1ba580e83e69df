// Package sizing computes what a number of clients needs: instances, Redis shards, memory, money, and what breaks first.
//
//	docs/performance/*.json ──► Units ──┐
//	flags ──────────────► Assumptions ──┼──► Plan ──► Bill, Limits
//	terraform/…/prices.json ──► Prices ─┘
//
// It is arithmetic: nothing in it waits, and the same input gives the same output. Package simulation checks what it says.
package sizing
