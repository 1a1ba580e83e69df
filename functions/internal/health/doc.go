// Package health is what a function does when it is started with -health: it asks the one that is running, in the same
// environment, whether it works. A container image without a shell has no other way to ask.
package health
