package edge

import (
	"testing"
	"unsafe"
)

// TestConnIsSmall: every idle connection holds one conn.
func TestConnIsSmall(t *testing.T) {
	t.Parallel()
	if n := unsafe.Sizeof(conn{}); n > 80 {
		t.Errorf("%d bytes: what is not needed while idle belongs into work", n)
	}
}
