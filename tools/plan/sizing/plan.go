package sizing

import "math"

// Plan is what a number of clients needs on a platform. Where there are cells, each is a deployment of its own with a Redis of its own,
// and a room is in the one that its connectionId says; counts are of all cells together.
type Plan struct {
	Platform  *Platform
	Clients   float64
	Cells     float64
	Instances float64
	Shards    float64 // primaries of Redis
	Balancers float64 // of ours; 0: the platform's
	Node      Node
	// What asks for so many of them, rather than for fewer.
	CellsFor, InstancesFor, ShardsFor string

	MessagesPerSecond    float64
	InstanceBusy         float64 // processor of an instance, share of what it has
	ShardBusy            float64
	InstanceMB, RedisGB  float64 // of one instance with its sockets; of all of Redis, without replicas
	EgressGB             float64 // a month
	Items                []Item
	USD                  float64 // a month
	assume               *Assumptions
	units                *Units
	perInstance, inShard float64
}

// Planner plans. Its fields are only read.
type Planner struct {
	Units  Units
	Assume Assumptions
	Prices Prices
}

// Plan plans so many clients on a platform: the fewest cells, then the cheapest kind of Redis node, then the fewest of everything.
func (p *Planner) Plan(platform *Platform, clients float64) Plan {
	var best Plan
	for i, node := range platform.Redis {
		plan := p.withNode(platform, node, clients)
		if i == 0 || plan.Cells < best.Cells || plan.Cells == best.Cells && plan.USD < best.USD {
			best = plan
		}
	}
	return best
}

func (p *Planner) withNode(platform *Platform, node Node, clients float64) Plan {
	plan := Plan{Platform: platform, Clients: clients, Cells: 1, Node: node, assume: &p.Assume, units: &p.Units}
	for _, l := range p.cellLimits(platform) {
		if n := ceil(clients / l.plannedAt); n > plan.Cells {
			plan.Cells, plan.CellsFor = n, l.Name
		}
	}
	n := clients / plan.Cells
	plan.Instances, plan.InstancesFor = p.instances(platform, n)
	plan.Shards, plan.ShardsFor = p.shards(node, n)
	plan.perInstance, plan.inShard = n/plan.Instances, n/plan.Shards
	plan.InstanceBusy = p.serverCPU(plan.perInstance) / platform.VCPU
	plan.ShardBusy = p.shardCPU(n, plan.Shards)
	plan.InstanceMB = p.instanceBytes(plan.perInstance) / 1e6
	plan.Instances *= plan.Cells
	plan.Shards *= plan.Cells
	if platform.OwnBalancer {
		plan.Balancers = plan.Cells * ceil(n/balancerClients/p.Assume.Busy)
	}
	plan.RedisGB = plan.Shards * p.shardBytes(plan.inShard) / 1e9
	plan.MessagesPerSecond = clients * p.Assume.Messages / 3600
	plan.EgressGB = clients * p.egressBytes() * 3600 * p.Prices.Hours / 1e9
	plan.Items = platform.month(&plan)
	for _, item := range plan.Items {
		plan.USD += item.USD
	}
	return plan
}

// PerInstance is how many clients an instance has.
func (p *Plan) PerInstance() float64 { return p.perInstance }

// InShard is how many clients a shard has.
func (p *Plan) InShard() float64 { return p.inShard }

// nodes are all of Redis.
func (p *Plan) nodes() float64 { return p.Shards * float64(1+p.assume.Replicas) }

// egressBytes are those of a client a second: messages, and pings both ways.
func (p *Planner) egressBytes() float64 {
	a := &p.Assume
	return a.Messages/3600*(a.MessageBytes+a.FrameBytes) + a.FrameBytes/a.Ping.Seconds()
}

// serverCPU is how many processors an instance with so many clients keeps busy.
func (p *Planner) serverCPU(clients float64) float64 {
	a, u := &p.Assume, &p.Units
	messages := clients * a.Messages / 3600
	micros := clients*u.IdleServer.At(clients) + messages*u.MessageServer.At(messages) +
		clients/3600*(a.Connects*u.ConnectServer+a.Resumes*u.ResumeServer)
	return micros / 1e6 / a.Speed
}

// shardCPU is how much of its processor a shard keeps busy, of several that hold so many clients together.
func (p *Planner) shardCPU(clients, shards float64) float64 {
	a, u := &p.Assume, &p.Units
	n := clients / shards
	messages := n * a.Messages / 3600
	micros := n*u.IdleRedis.At(n) + messages*u.MessageRedis.At(messages) + n/3600*(a.Connects*u.ConnectRedis+a.Resumes*u.ResumeRedis)
	if shards > 1 {
		micros += clients * a.Messages / 3600 * a.BusMicros
	}
	return micros / 1e6 / a.Speed
}

func (p *Planner) instanceBytes(clients float64) float64 {
	return p.Units.InstanceBytes + clients*(p.Units.ConnectionBytes.At(clients)+p.Assume.SocketBytes)
}

func (p *Planner) shardBytes(clients float64) float64 {
	return p.Units.RedisBytes + clients*(p.Units.RedisClient+p.Assume.WaitingBytes)
}

// StormWait is how long, in seconds, an instance may take to look at all who come to it in a storm: messages wait for that, then up to 2 s
// for Redis, and are to arrive within REDIS_TIMEOUT, 5 s.
const StormWait = 2.0

// demand is something that a count has to be enough for.
type demand struct {
	name   string
	enough func(count float64) bool
}

// instances is the least number that is enough for so many clients.
func (p *Planner) instances(platform *Platform, clients float64) (float64, string) {
	a := &p.Assume
	left := func(n float64) float64 { return max(1, math.Floor(n*(1-a.Zone))) } // those in the other zones
	return least(2, []demand{
		{"connections", func(n float64) bool { return clients/n <= float64(platform.Connections)*platform.Fill }},
		{"a zone's connections", func(n float64) bool { return clients/left(n) <= float64(platform.Connections) }},
		{"CPU", func(n float64) bool { return p.serverCPU(clients/n) <= a.Busy*platform.VCPU }},
		{"memory", func(n float64) bool { return p.instanceBytes(clients/n) <= a.Busy*platform.GiB*(1<<30) }},
		{"a storm", func(n float64) bool {
			free := platform.VCPU - p.serverCPU(clients/n)
			return free > 0 && a.Storm*clients/left(n)*p.Units.ResumeServer/1e6/a.Speed/free <= a.Busy*a.Grace.Seconds()
		}},
		{"messages in a storm", func(n float64) bool { // which wait behind all who knock at once, and then for Redis
			free := platform.VCPU - p.serverCPU(clients/n)
			knock := a.Storm * clients / left(n) * p.Units.ResumeServer / 2 / 1e6 / a.Speed
			return free > 0 && knock/free <= StormWait
		}},
		{"a deploy", func(n float64) bool {
			moving := clients / n / a.Deploy.Seconds() * p.Units.ResumeServer / 1e6 / a.Speed
			return p.serverCPU(clients/n)+moving <= (1+a.Busy)/2*platform.VCPU
		}},
	})
}

// shards is the least number of primaries that is enough for so many clients.
func (p *Planner) shards(node Node, clients float64) (float64, string) {
	a, u := &p.Assume, &p.Units
	return least(1, []demand{
		{"CPU", func(n float64) bool { return p.shardCPU(clients, n) <= a.Busy }},
		{"memory", func(n float64) bool { return p.shardBytes(clients/n) <= a.Busy*node.GB*1e9 }},
		{"a storm", func(n float64) bool {
			free := 1 - p.shardCPU(clients, n)
			return free > 0 && a.Storm*clients/n*u.ResumeRedis/1e6/a.Speed/free <= a.Busy*a.Grace.Seconds()
		}},
		{"a deploy", func(n float64) bool {
			return p.shardCPU(clients, n)+clients/n/a.Deploy.Seconds()*u.ResumeRedis/1e6/a.Speed <= (1+a.Busy)/2
		}},
		{"a failover", func(n float64) bool { return clients/n*u.ConnectRedis/1e6/a.Speed <= a.Recovery.Seconds() }},
	})
}

// least is the smallest count, from a minimum on, that is enough for all demands, and the demand that asks for it.
func least(minimum float64, demands []demand) (count float64, why string) {
	const most = 1 << 40
	count = minimum
	for _, d := range demands {
		if d.enough(count) {
			continue
		}
		low, high := count, count
		for !d.enough(high) && high < most {
			low, high = high, 2*high
		}
		for high-low > 1 { // low is not enough, high is
			if middle := math.Floor((low + high) / 2); d.enough(middle) {
				high = middle
			} else {
				low = middle
			}
		}
		count, why = high, d.name
	}
	return count, why
}

func ceil(x float64) float64 { return math.Ceil(x - 1e-9) }
