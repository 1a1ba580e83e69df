package sizing

import "sort"

// Platform is where instances run, in the sizes that terraform/ gives them.
type Platform struct {
	Name        string
	Connections int // that an instance takes at most
	VCPU, GiB   float64
	Fill        float64 // of Connections, at which the platform starts another instance
	Instances   int     // that the platform runs of one service at most; 0: as many as there are machines
	OwnBalancer bool    // ours, not the platform's
	Redis       []Node  // to choose from; prices are of one node
	month       func(*Plan) []Item
}

// Node is a kind of Redis node, of one processor that counts.
type Node struct {
	Name    string
	GB      float64
	USDHour float64
}

// Item is a line of a bill, a month.
type Item struct {
	What string
	USD  float64
}

// Platforms are those of terraform/ that can have many instances.
func Platforms(p *Prices) []Platform {
	return []Platform{
		{
			Name: "google-cloud-run", Connections: 1000, VCPU: 1, GiB: 0.5, Fill: 0.6, Instances: 1000, Redis: nodes(p.Google.Redis),
			month: func(plan *Plan) []Item {
				seconds := 3600 * p.Hours
				return []Item{
					{"instances", plan.Instances * seconds * (p.Google.VCPUSecond.USD + 0.5*p.Google.GiBSecond.USD)},
					{"Redis", plan.nodes() * plan.Node.USDHour * p.Hours},
					{"egress", plan.EgressGB * p.Google.Egress.USD},
				}
			},
		},
		{
			Name: "azure-container-apps", Connections: 10_000, VCPU: 0.5, GiB: 1, Fill: 0.75, Instances: 1000, Redis: nodes(p.Azure.Redis),
			month: func(plan *Plan) []Item {
				seconds := 3600 * p.Hours
				return []Item{
					{"instances", plan.Instances * seconds * (0.5*p.Azure.VCPUSecond.USD + p.Azure.GiBSecond.USD)},
					{"Redis", (plan.nodes()*plan.Node.USDHour + plan.Cells*p.Azure.PrivateEndpointHour.USD) * p.Hours},
					{"egress", plan.EgressGB * p.Azure.Egress.USD},
				}
			},
		},
		kubernetes(p),
		{
			Name: "aws-ecs", Connections: 20_000, VCPU: 0.25, GiB: 0.5, Fill: 0.5, Instances: 1000, Redis: nodes(p.AWS.Redis),
			month: func(plan *Plan) []Item {
				// What the balancers bill: 3,000 connections, or a GB an hour, whichever is more.
				units := max(plan.Clients/3000, plan.EgressGB/p.Hours)
				return []Item{
					{"instances", plan.Instances * p.Hours * (0.25*p.AWS.VCPUHour.USD + 0.5*p.AWS.GBHour.USD)},
					{"Redis", plan.nodes() * plan.Node.USDHour * p.Hours},
					{"balancers, NAT", (plan.Cells*(p.AWS.BalancerHour.USD+p.AWS.NATHour.USD+3*p.AWS.AddressHour.USD) + units*p.AWS.BalancerUnitHour.USD) * p.Hours},
					{"egress", plan.EgressGB * p.AWS.Egress.USD},
				}
			},
		},
	}
}

// kubernetes has Redis in pods of one processor, on the same machines.
func kubernetes(p *Prices) Platform {
	const machine, redisGB = "e2-standard-4", 4
	m := p.Google.Machines[machine]
	return Platform{
		Name: "kubernetes", Connections: 20_000, VCPU: 0.25, GiB: 0.25, Fill: 0.5, OwnBalancer: true, Redis: []Node{{Name: "a pod of 1 vCPU", GB: redisGB}},
		month: func(plan *Plan) []Item {
			machines := max(2, ceil(max(
				(plan.Instances*0.25+plan.nodes())/m.VCPU,
				(plan.Instances*0.25+plan.nodes()*redisGB)/m.GiB,
			)/plan.assume.Busy))
			return []Item{
				{"machines", machines * m.USDHour * p.Hours},
				{"clusters, load balancers", plan.Cells*(p.Google.ClusterHour.USD+p.Google.LoadBalancerHour.USD)*p.Hours + plan.EgressGB*p.Google.LoadBalancerGiB.USD},
				{"egress", plan.EgressGB * p.Google.Egress.USD},
			}
		},
	}
}

// nodes leaves out those that compute less than a processor for long: a plan keeps one busy.
func nodes(prices map[string]Price) []Node {
	var list []Node
	for name, p := range prices {
		if p.VCPU > 0 && p.VCPU < 1 {
			continue
		}
		list = append(list, Node{name, p.GB, p.USDHour})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].USDHour < list[j].USDHour })
	return list
}
