// Package health implements a function's flag -health: it checks the instance that runs in the same
// environment. A container image without a shell has no other way to check.
package health
