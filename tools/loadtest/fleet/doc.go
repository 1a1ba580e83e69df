// Package fleet runs the servers that a load test is about, as processes of their own on loopback ports, and measures them.
//
//	Build ──► Start: redis-server ──► instance 1 … n ──► ready ──► CPU, Look ──► Stop: SIGTERM, then SIGKILL
//	Attach: servers that are running already ────────► CPU, Look ──► Stop does nothing
//
// Whatever is started is ended by its process ID, and by the kernel when the load test itself is killed.
package fleet
