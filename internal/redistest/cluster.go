package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
)

const (
	clusterNodes = 3
	clusterSlots = 16384
)

// cluster is three primaries that share the slots. There are no replicas.
type cluster struct {
	nodes []*instance
}

// newCluster blocks until every node says that the cluster is up. That takes a little over 2 s
// on any machine: a primary waits so long before it takes its first write.
func newCluster(ctx context.Context, binary string) (*cluster, error) {
	c := &cluster{}
	err := c.startNodes(ctx, binary)
	if err == nil {
		err = c.join(ctx)
	}
	if err == nil {
		err = c.waitReady(ctx)
	}
	if err != nil {
		c.remove()
		return nil, fmt.Errorf("start a cluster: %w", err)
	}
	return c, nil
}

// startNodes starts all nodes side by side, and keeps those that did when another one did not.
func (c *cluster) startNodes(ctx context.Context, binary string) error {
	nodes := make([]*instance, clusterNodes)
	errs := make([]error, clusterNodes)
	var started sync.WaitGroup
	for i := range clusterNodes {
		started.Go(func() { nodes[i], errs[i] = newNode(ctx, binary) })
	}
	started.Wait()
	for _, node := range nodes {
		if node != nil {
			c.nodes = append(c.nodes, node)
		}
	}
	return errors.Join(errs...)
}

// newNode starts a node with a bus port of its own choice: the default, port + 10000, may be taken.
func newNode(ctx context.Context, binary string) (*instance, error) {
	var last error
	for range startTries {
		bus, err := freePort()
		if err != nil {
			return nil, err
		}
		node, err := newInstance(ctx, binary, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(bus))
		if err == nil {
			return node, nil
		}
		last = err
	}
	return nil, last
}

// join gives each node its share of the slots and introduces all to all: what they would tell
// each other about third nodes travels with pings, once a second.
func (c *cluster) join(ctx context.Context) error {
	for i, node := range c.nodes {
		first, end := i*clusterSlots/clusterNodes, (i+1)*clusterSlots/clusterNodes
		lines := []string{
			fmt.Sprintf("CLUSTER ADDSLOTSRANGE %d %d", first, end-1),
			fmt.Sprintf("CLUSTER SET-CONFIG-EPOCH %d", i+1), // different ones, or they would have to agree first
		}
		for _, other := range c.nodes[:i] {
			lines = append(lines, "CLUSTER MEET 127.0.0.1 "+other.meetPorts())
		}
		for _, line := range lines {
			if _, err := command(ctx, node.address(), line); err != nil {
				return err
			}
		}
	}
	return nil
}

// meetPorts returns port and bus port as CLUSTER MEET wants them.
func (in *instance) meetPorts() string {
	return strconv.Itoa(in.port) + " " + in.extra[len(in.extra)-1]
}

func (c *cluster) waitReady(ctx context.Context) error {
	for _, node := range c.nodes {
		err := poll(ctx, func(ctx context.Context) (bool, error) {
			info, err := command(ctx, node.address(), "CLUSTER INFO")
			return field(info, "cluster_state") == "ok" &&
				field(info, "cluster_known_nodes") == strconv.Itoa(clusterNodes), err
		})
		if err != nil {
			return fmt.Errorf("wait for node %d: %w", node.port, err)
		}
	}
	return nil
}

func (c *cluster) url() string {
	addresses := make([]string, len(c.nodes))
	for i, node := range c.nodes {
		addresses[i] = net.JoinHostPort("127.0.0.1", strconv.Itoa(node.port))
	}
	return "redis://" + strings.Join(addresses, ",")
}

func (c *cluster) remove() {
	for _, node := range c.nodes {
		node.remove()
	}
}
