package redistest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// Partitioned is a cluster of three primaries that belongs to one test; the first of them has a replica. A primary counts as
// failed when it has been away for a second. Its methods have to be called from the test's own goroutine.
type Partitioned struct {
	tb      testing.TB
	cluster *cluster
	replica *instance
}

// NewCluster starts such a cluster. It takes 3 to 4 s.
func NewCluster(tb testing.TB) *Partitioned {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	binary := lookUp(tb)
	c, err := newCluster(ctx, binary)
	if err != nil {
		tb.Fatal(err)
	}
	p := &Partitioned{tb: tb, cluster: c}
	tb.Cleanup(func() {
		p.cluster.remove()
		if p.replica != nil {
			p.replica.remove()
		}
	})
	if err := p.addReplica(ctx, binary); err != nil {
		tb.Fatal(fmt.Errorf("add a replica: %w", err))
	}
	return p
}

func (p *Partitioned) addReplica(ctx context.Context, binary string) (err error) {
	first := p.cluster.nodes[0]
	if p.replica, err = newNode(ctx, binary); err != nil {
		return err
	}
	nodes := append([]*instance{p.replica}, p.cluster.nodes...)
	for _, node := range nodes {
		for _, line := range []string{"CONFIG SET cluster-node-timeout 1000", "CONFIG SET repl-diskless-sync-delay 0"} {
			if _, err = command(ctx, node.address(), line); err != nil {
				return err
			}
		}
		if node != p.replica {
			if _, err = command(ctx, node.address(), "CLUSTER MEET 127.0.0.1 "+p.replica.meetPorts()); err != nil {
				return err
			}
		}
	}
	id, err := command(ctx, first.address(), "CLUSTER MYID")
	if err != nil {
		return err
	}
	err = poll(ctx, func(ctx context.Context) (bool, error) {
		_, err := command(ctx, p.replica.address(), "CLUSTER REPLICATE "+id)
		return err == nil, nil // it does not know the primary yet
	})
	if err != nil {
		return err
	}
	return poll(ctx, func(ctx context.Context) (bool, error) {
		info, err := command(ctx, p.replica.address(), "INFO replication")
		if field(info, "master_link_status") != "up" {
			return false, err
		}
		for _, node := range p.cluster.nodes {
			known, err := command(ctx, node.address(), "CLUSTER NODES")
			if err != nil || !strings.Contains(known, "slave "+id) {
				return false, err
			}
		}
		return true, nil
	})
}

// URL is that of Cluster.
func (p *Partitioned) URL() string { return p.cluster.url() }

// Failover kills the first primary and returns when its replica has its slots and all nodes know; call it once.
func (p *Partitioned) Failover() {
	p.tb.Helper()
	p.cluster.nodes[0].kill()
	p.await("promotion", func(ctx context.Context) (bool, error) {
		info, err := command(ctx, p.replica.address(), "INFO replication")
		if err != nil || field(info, "role") != "master" {
			return false, err
		}
		for _, node := range append([]*instance{p.replica}, p.cluster.nodes[1:]...) {
			info, err := command(ctx, node.address(), "CLUSTER INFO")
			if err != nil || field(info, "cluster_state") != "ok" {
				return false, err
			}
		}
		return true, nil
	})
}

// Rejoin starts the primary that Failover killed, and returns when it follows its successor.
func (p *Partitioned) Rejoin() {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := p.cluster.nodes[0].start(ctx); err != nil {
		p.tb.Fatal(err)
	}
	p.await("the old primary to follow the new one", func(ctx context.Context) (bool, error) {
		info, err := command(ctx, p.cluster.nodes[0].address(), "INFO replication")
		return field(info, "role") == "slave" && field(info, "master_link_status") == "up", err
	})
}

// Migrate moves the slots of the given keys from where they are to the next primary, with all that is in them,
// as redis-cli --cluster reshard does: a slot's keys in one step.
func (p *Partitioned) Migrate(keys ...string) {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for _, key := range keys {
		if err := p.migrate(ctx, key); err != nil {
			p.tb.Fatal(fmt.Errorf("migrate a slot: %w", err))
		}
	}
}

func (p *Partitioned) migrate(ctx context.Context, key string) error {
	nodes := p.cluster.nodes
	slot, err := command(ctx, nodes[0].address(), "CLUSTER KEYSLOT "+key)
	if err != nil {
		return err
	}
	var from int
	err = poll(ctx, func(ctx context.Context) (found bool, err error) { // it may be on the way from the last time
		from, found, err = p.holder(ctx, slot)
		return found, err
	})
	if err != nil {
		return err
	}
	source, target := nodes[from], nodes[(from+1)%len(nodes)]
	sourceID, err := command(ctx, source.address(), "CLUSTER MYID")
	if err != nil {
		return err
	}
	targetID, err := command(ctx, target.address(), "CLUSTER MYID")
	if err != nil {
		return err
	}
	if _, err = command(ctx, target.address(), "CLUSTER SETSLOT "+slot+" IMPORTING "+sourceID); err != nil {
		return err
	}
	if _, err = command(ctx, source.address(), "CLUSTER SETSLOT "+slot+" MIGRATING "+targetID); err != nil {
		return err
	}
	if err = drainSlot(ctx, source, target, slot); err != nil {
		return err
	}
	for _, node := range append([]*instance{target, source}, nodes...) {
		if _, err = command(ctx, node.address(), "CLUSTER SETSLOT "+slot+" NODE "+targetID); err != nil {
			return err
		}
	}
	return nil
}

// drainSlot moves keys until none is left: new ones may come while it works.
func drainSlot(ctx context.Context, source, target *instance, slot string) error {
	for {
		keys, err := command(ctx, source.address(), "CLUSTER GETKEYSINSLOT "+slot+" 100")
		if err != nil || keys == "" {
			return err
		}
		line := fmt.Sprintf("MIGRATE 127.0.0.1 %d \"\" 0 5000 KEYS %s", target.port, strings.ReplaceAll(keys, "\n", " "))
		if _, err := command(ctx, source.address(), line); err != nil {
			return err
		}
	}
}

// holder returns which node serves a slot.
func (p *Partitioned) holder(ctx context.Context, slot string) (node int, found bool, err error) {
	n, err := strconv.Atoi(slot)
	if err != nil {
		return 0, false, err
	}
	for i, node := range p.cluster.nodes {
		list, err := command(ctx, node.address(), "CLUSTER NODES")
		if err != nil {
			return 0, false, err
		}
		for line := range strings.Lines(list) {
			if strings.Contains(line, "myself,master") && servesSlot(strings.Fields(line)[8:], n) {
				return i, true, nil
			}
		}
	}
	return 0, false, nil
}

// servesSlot looks for a slot in ranges such as "0-5460" and "7000".
func servesSlot(ranges []string, slot int) bool {
	for _, r := range ranges {
		first, last, isRange := strings.Cut(r, "-")
		if !isRange {
			last = first
		}
		from, errFrom := strconv.Atoi(first)
		to, errTo := strconv.Atoi(last)
		if errFrom == nil && errTo == nil && from <= slot && slot <= to {
			return true
		}
	}
	return false
}

func (p *Partitioned) await(what string, done func(context.Context) (bool, error)) {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := poll(ctx, done); err != nil {
		p.tb.Fatal(fmt.Errorf("wait for %s: %w", what, err))
	}
}
