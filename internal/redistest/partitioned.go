package redistest

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// Partitioned is a cluster of three primaries that belongs to one test; the first of them has a replica. A primary counts as
// failed when it has been away for a second. Its methods have to be called from the test's own goroutine.
type Partitioned struct {
	tb      testing.TB
	cluster *cluster
	replica *instance
	moved   map[string]int // where Migrate has put slots: nodes of the cluster
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
	p := &Partitioned{tb: tb, cluster: c, moved: map[string]int{}}
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
		for _, line := range []string{"CONFIG SET cluster-node-timeout 1000", "CONFIG SET repl-diskless-sync-delay 0", "CONFIG SET cluster-require-full-coverage no"} {
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

func (p *Partitioned) await(what string, done func(context.Context) (bool, error)) {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := poll(ctx, done); err != nil {
		p.tb.Fatal(fmt.Errorf("wait for %s: %w", what, err))
	}
}

// Holder returns which of the three primaries has a key, 0 to 2.
func (p *Partitioned) Holder(key string) int {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	slot, err := command(ctx, p.cluster.nodes[0].address(), "CLUSTER KEYSLOT "+key)
	if err != nil {
		p.tb.Fatal(err)
	}
	n, err := p.holder(ctx, slot)
	if err != nil {
		p.tb.Fatal(err)
	}
	return n
}

// Pause stops a primary in its tracks (SIGSTOP): its connections stay open and are not answered.
func (p *Partitioned) Pause(primary int) { p.signal(primary, syscall.SIGSTOP) }

// Resume lets a paused primary run on.
func (p *Partitioned) Resume(primary int) { p.signal(primary, syscall.SIGCONT) }

// Kill ends a primary without a word.
func (p *Partitioned) Kill(primary int) { p.cluster.nodes[primary].kill() }

// Start starts a killed primary again, on its port, with its slots and without its keys. It returns when the primary answers; the others take
// it back a little later.
func (p *Partitioned) Start(primary int) {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := p.cluster.nodes[primary].start(ctx); err != nil {
		p.tb.Fatal(err)
	}
}

func (p *Partitioned) signal(primary int, sig syscall.Signal) {
	p.tb.Helper()
	if err := p.cluster.nodes[primary].process.signal(sig); err != nil {
		p.tb.Fatalf("send %v: %v", sig, err)
	}
}
