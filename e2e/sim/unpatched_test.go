//go:build !patched

package sim_test

const patched = false

var bubbleSeed uint64
