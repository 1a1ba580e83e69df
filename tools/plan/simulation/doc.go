// Package simulation runs a planned deployment, event by event, through peace and herds: a deploy, an instance that crashes, a storm of
// clients that lose their connections at once. It finds out what a plan's arithmetic cannot say: how long who waits.
//
//	clients ──► instance (queue) ──► shard of Redis (queue) ──► instance (queue) ──► clients
//	   ▲            │ newcomers would wait too long: 503            │
//	   └────────────┴──── back-off, full jitter ◄─── cut ───────────┘
//
// By symmetry one shard with its share of clients and instances stands for all. Stations serve in order of arrival, in the times that
// were measured. Everything is decided by a seed: the same input gives the same output.
package simulation
