// Package admin serves the operator's calls on the private port: list the clients of a room, end sessions, send a message, revoke tokens.
// docs/openapi.yaml describes them, and a test compares the two.
//
// Any instance does this for all: what it changes is in Redis, and the instances that hold the sessions are rung for.
package admin
