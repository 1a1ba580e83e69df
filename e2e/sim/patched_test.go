//go:build patched

package sim_test

import _ "unsafe" // for go:linkname

// patched reports whether this program has the runtime of runtime_test.go.
const patched = true

// bubbleSeed is what the next bubble draws from.
//
//go:linkname bubbleSeed runtime.bubbleSeed
var bubbleSeed uint64
