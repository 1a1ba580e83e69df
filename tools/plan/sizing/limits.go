package sizing

import (
	"fmt"
	"sort"
)

// Limit is something that ends somewhere.
type Limit struct {
	Name   string
	At     float64 // clients, in one cell; 0: it does not depend on how many there are
	Used   float64 // share of it, in the plan
	Answer string

	plannedAt float64 // clients in a cell at most
}

// cellLimits are what more instances and more shards do not help against.
func (p *Planner) cellLimits(platform *Platform) []Limit {
	a := &p.Assume
	bus := a.Busy / (a.Messages / 3600 * a.BusMicros / 1e6) * a.Speed
	limits := []Limit{{
		Name: "PUBLISH on the cluster bus", At: bus, plannedAt: bus / 3,
		Answer: "every node of a cluster handles every PUBLISH: split into cells. SPUBLISH on a channel per shard would avoid this, but is not built",
	}}
	each := float64(platform.Connections) * platform.Fill
	sockets := float64(a.RedisClients) / p.Units.RedisConnections * each
	limits = append(limits, Limit{
		Name: "connections of a Redis node", At: sockets, plannedAt: sockets * a.Busy,
		Answer: fmt.Sprintf("every instance has %.0f to every node: use larger instances, raise maxclients, or split into cells", p.Units.RedisConnections),
	})
	if platform.Instances > 0 {
		at := float64(platform.Instances) * each
		limits = append(limits, Limit{Name: "instances of a service", At: at, plannedAt: at, Answer: "a quota, here 1,000: have it raised, or split into cells"})
	}
	return limits
}

// Limits are what a plan comes to the end of, first what ends first as the clients become more. What is the same however many there are
// comes last.
func (p *Planner) Limits(plan *Plan) []Limit {
	platform, a := plan.Platform, &p.Assume
	one := most(func(n float64) bool {
		shards, _ := p.shards(plan.Node, n)
		return shards <= 1
	})
	limits := []Limit{{
		Name: "one Redis primary", At: one, Used: plan.inShard / one, Answer: "use Redis Cluster: nothing else changes, because a room's keys share a hash tag",
	}}
	for _, l := range p.cellLimits(platform) {
		l.Used = plan.Clients / plan.Cells / l.At
		limits = append(limits, l)
	}
	if plan.Balancers > 0 {
		limits = append(limits, Limit{
			Name: "one balancer", At: balancerClients, Used: plan.Clients / plan.Balancers / balancerClients, Answer: "131,072 open files, two per client: add balancers, or raise the limit",
		})
	}
	limits = append(limits,
		Limit{
			Name: "open files of an instance", Used: plan.perInstance / float64(a.Descriptors),
			Answer: "one per connection: add instances, or raise the limit; the server refuses newcomers (503) before it runs out",
		},
		Limit{
			Name: "ephemeral ports of a balancer", Used: plan.perInstance / float64(a.Ports),
			Answer: "one per connection to an instance, for each address of the balancer: add instances or addresses",
		},
	)
	sort.SliceStable(limits, func(i, j int) bool {
		if (limits[i].At == 0) != (limits[j].At == 0) {
			return limits[j].At == 0
		}
		return limits[i].At < limits[j].At
	})
	return limits
}

// balancerClients is what one balancer machine of deploy/ takes: two open files for each.
const balancerClients = 65_000

// most is the largest number of clients for which something holds, to three digits.
func most(holds func(clients float64) bool) float64 {
	low, high := 1.0, 1e12
	for high/low > 1.001 {
		if middle := (low + high) / 2; holds(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}
