package edge

import (
	"testing"
	"unsafe"
)

// TestConnIsSmall: this is what every idle connection holds of this package's.
func TestConnIsSmall(t *testing.T) {
	t.Parallel()
	if n := unsafe.Sizeof(conn{}); n > 80 {
		t.Errorf("%d bytes: what is not needed while idle belongs into work", n)
	}
}
