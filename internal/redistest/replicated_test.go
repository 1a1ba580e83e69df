package redistest_test

import (
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// TestSentinelPromotes: what the replica has is there after the primary was killed, twice in a row.
func TestSentinelPromotes(t *testing.T) {
	t.Parallel()
	r := redistest.NewReplicated(t)
	first := r.Primary()
	first.Do("SET name one")
	r.Synced()
	r.Failover()
	if r.Primary() == first || r.Primary().Do("GET name") != "one" {
		t.Error("the replica was not promoted with its data")
	}
	r.Rejoin()
	r.Synced()
	r.Failover()
	if r.Primary() != first || first.Do("GET name") != "one" {
		t.Error("the old primary was not promoted with its data")
	}
}

// TestClusterMovesAndFailsOver: a slot moves with its keys, and a replica takes over for its primary.
func TestClusterMovesAndFailsOver(t *testing.T) {
	t.Parallel()
	p := redistest.NewCluster(t)
	if n := strings.Count(p.URL(), ":"); n != 4 {
		t.Errorf("URL %s", p.URL())
	}
	p.Migrate("{one}", "{two}")
	p.Migrate("{one}")
	p.Failover()
	p.Rejoin()
}
