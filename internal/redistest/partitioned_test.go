package redistest

import (
	"context"
	"slices"
	"testing"
)

// TestStartBringsAPrimaryBack: it has its slots again, and none of its keys.
func TestStartBringsAPrimaryBack(t *testing.T) {
	t.Parallel()
	p := NewCluster(t)
	key := ownKey(p, 1)
	node := p.cluster.nodes[1]
	do(t, node, "SET "+key+" x")
	p.Kill(1)
	p.Start(1)
	p.await("the cluster to be whole", func(ctx context.Context) (bool, error) {
		for _, n := range p.cluster.nodes {
			info, err := command(ctx, n.address(), "CLUSTER INFO")
			if err != nil || field(info, "cluster_state") != "ok" || field(info, "cluster_slots_ok") != "16384" {
				return false, err
			}
		}
		return true, nil
	})
	if got := p.Holder(key); got != 1 {
		t.Errorf("the key's slot is at primary %d, want 1", got)
	}
	if got := do(t, node, "DBSIZE"); got != "0" {
		t.Errorf("%s keys, want none", got)
	}
}

// TestSlotsMoveSideBySide: one finishes while another is on its way.
func TestSlotsMoveSideBySide(t *testing.T) {
	t.Parallel()
	p := NewCluster(t)
	first, second := ownKey(p, 1), ownKey(p, 2)
	do(t, p.cluster.nodes[1], "SET "+first+" x")
	do(t, p.cluster.nodes[2], "SET "+second+" x")
	a, b := p.BeginMove(first), p.BeginMove(second)
	if got := b.Left(); !slices.Equal(got, []string{second}) {
		t.Errorf("left: %q", got)
	}
	a.Finish()
	b.Keys(second)
	if got := b.Left(); len(got) != 0 {
		t.Errorf("left: %q", got)
	}
	b.Finish()
	if p.Holder(first) != 2 || p.Holder(second) != 0 {
		t.Errorf("at %d and %d, want 2 and 0", p.Holder(first), p.Holder(second))
	}
}

// ownKey returns a key of a primary.
func ownKey(p *Partitioned, primary int) string {
	key := "k"
	for p.Holder(key) != primary {
		key += "k"
	}
	return key
}

func do(t *testing.T, node *instance, line string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	reply, err := command(ctx, node.address(), line)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}
