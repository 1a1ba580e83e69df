// Package e2e holds the tests of the whole: real server processes, a real Redis, clients on real sockets, and faults
// between them. Each test that proves a line of the list of requirements (docs/requirements.md) carries its number.
package e2e
