package simulation

import (
	"math"
	"math/rand/v2"
)

// Slice is a shard of Redis with the instances and clients that it has its share of. Work is in seconds.
type Slice struct {
	Clients   int
	Instances int
	Shards    int // in the cell: an instance's clients are spread over all of them
	// Of a client in a second.
	Messages, Connects, Resumes float64
	// What an instance and the shard do for each.
	MessageServer, MessageRedis float64
	ConnectServer, ConnectRedis float64
	ResumeServer, ResumeRedis   float64
	// What is left of their processors by pings and the like.
	InstanceSpeed, ShardSpeed float64

	Grace   float64 // who is not back by then has lost its session
	Refuse  float64 // newcomers who would wait for longer are told to come later
	BackOff float64 // most that a client waits before its first attempt, doubled with each
	Drain   float64 // in which an instance's clients are asked to move
	Start   float64 // from the start of an instance to its first connection
	Zone    float64 // share of the instances that a storm takes away
	Deploy  float64 // in which all instances are replaced, one after the other
	Seed    uint64
}

// Herd is what befalls a slice.
type Herd int

// The herds.
const (
	Peace  Herd = iota
	Deploy      // all instances are replaced, each after the one before
	Crash       // an instance ends and is started again
	Storm       // a share of all clients lose their connections at once
)

func (h Herd) String() string { return [...]string{"peace", "deploy", "crash", "storm"}[h] }

// Result is what came of it.
type Result struct {
	Herd         Herd
	Messages     *Times // from the sender's instance to the receiver's
	Resumes      *Times // from the first attempt until it is back; in herds of clients that were cut
	Away         int    // who were cut
	Lost         int    // of those, sessions whose grace window ended
	Refused      int    // attempts that were told to come later
	BackAfter    float64
	ShardBusy    float64 // over all of the time
	ShardPeak    float64 // in the worst second
	InstancePeak float64
}

const (
	warmUp         = 5.0
	deployTime     = 30.0
	peaceTime      = 20.0 // and after a crash or a storm
	longestBackOff = 10.0
	retryAfter     = 1.0
	patience       = 3 // grace windows, after which every client that is away is lost
)

// run is one simulation.
type run struct {
	Slice
	clock     Clock
	random    *rand.Rand
	shard     *Station
	instances []*instance
	left      int // of the clients that were cut
	began     float64
	result    Result
}

type instance struct {
	*Station
	down bool
}

// Run simulates a herd of a share of the clients, with Storm; it is not used otherwise.
func (s Slice) Run(h Herd, share float64) Result {
	r := &run{Slice: s, random: rand.New(rand.NewPCG(s.Seed, uint64(h)))}
	r.result = Result{Herd: h, Messages: NewTimes(), Resumes: NewTimes()}
	r.shard = NewStation(&r.clock, 1, s.ShardSpeed)
	for range s.Instances {
		r.instances = append(r.instances, &instance{Station: NewStation(&r.clock, 1, s.InstanceSpeed)})
	}
	n := float64(s.Clients)
	r.flow(n*s.Messages, r.message)
	r.flow(n*s.Connects, func() { r.serve(s.ConnectServer, s.ConnectRedis, nil) })
	r.flow(n*s.Resumes, func() { r.serve(s.ResumeServer, s.ResumeRedis, nil) })
	r.clock.Run(warmUp)
	busy := r.shard.Busy
	r.shard.Peak, r.began = 0, r.clock.Now()
	r.result.Messages = NewTimes()
	r.strike(h, share)
	r.result.ShardBusy = (r.shard.Busy - busy) / s.ShardSpeed / (r.clock.Now() - r.began)
	r.result.ShardPeak = r.shard.Peak
	for _, i := range r.instances {
		r.result.InstancePeak = max(r.result.InstancePeak, i.Peak)
	}
	return r.result
}

func (r *run) strike(h Herd, share float64) {
	each := r.Clients / r.Instances / r.Shards // of one instance, here
	length := peaceTime
	switch h {
	case Deploy: // it is the same all the time: half a minute of it, or two instances
		gap := r.Deploy / float64(r.Instances*r.Shards)
		length = min(r.Deploy, max(deployTime, 2*gap))
		for i := 0; float64(i)*gap < length; i++ {
			r.clock.After(float64(i)*gap, func() { r.replace(i, each) })
		}
	case Crash:
		r.instances[0].down = true
		r.clock.After(r.Start, func() { r.instances[0].down = false })
		r.cut(each, r.BackOff)
	case Storm:
		for _, i := range r.instances[:int(r.Zone*float64(r.Instances))] {
			i.down = true
		}
		r.cut(int(float64(r.Clients)*share), r.BackOff)
	}
	r.clock.Run(warmUp + length)
	for end := r.clock.Now() + patience*r.Grace; r.left > 0 && r.clock.Now() < end; {
		r.clock.Run(r.clock.Now() + 1)
	}
	r.result.Lost += r.left
}

// replace has the clients of the cell's i-th instance move while it drains, then starts it again. One of so many is of this slice.
func (r *run) replace(i, clients int) {
	r.cut(clients, r.Drain)
	if i%r.Shards != 0 {
		return
	}
	ours := r.instances[i/r.Shards%r.Instances]
	ours.down = true // takes no new clients
	r.clock.After(r.Drain+r.Start, func() { ours.down = false })
}

// cut has clients come back, each within a random part of some seconds.
func (r *run) cut(clients int, within float64) {
	r.left += clients
	r.result.Away += clients
	began := r.clock.Now()
	for range clients {
		r.clock.After(r.random.Float64()*within, func() {
			first := r.clock.Now()
			r.attempt(0, func() {
				now := r.clock.Now()
				r.left--
				r.result.Resumes.Add(now - first)
				r.result.BackAfter = max(r.result.BackAfter, now-began)
				if now-began > r.Grace {
					r.result.Lost++
				}
			})
		})
	}
}

// attempt resumes. The instance that it comes to looks how long Redis takes, and may tell it to come later.
func (r *run) attempt(n int, back func()) {
	i := r.pick()
	i.Serve(r.ResumeServer/2, func() {
		if r.shard.Wait() > r.Refuse {
			r.result.Refused++
			ceiling := min(r.BackOff*math.Pow(2, float64(n+1)), longestBackOff)
			r.clock.After(retryAfter+r.random.Float64()*ceiling, func() { r.attempt(n+1, back) })
			return
		}
		r.shard.Serve(r.ResumeRedis, func() { i.Serve(r.ResumeServer/2, back) })
	})
}

// message crosses one instance, the shard, and another instance.
func (r *run) message() {
	began := r.clock.Now()
	r.pick().Serve(r.MessageServer/2, func() {
		r.shard.Serve(r.MessageRedis, func() {
			r.pick().Serve(r.MessageServer/2, func() { r.result.Messages.Add(r.clock.Now() - began) })
		})
	})
}

// serve has an instance ask the shard for something.
func (r *run) serve(server, redis float64, done func()) {
	i := r.pick()
	i.Serve(server/2, func() {
		r.shard.Serve(redis, func() { i.Serve(server/2, done) })
	})
}

// pick is an instance as the balancer picks one.
func (r *run) pick() *instance {
	for range 4 * len(r.instances) {
		if i := r.instances[r.random.IntN(len(r.instances))]; !i.down {
			return i
		}
	}
	return r.instances[0] // all are down: it waits there
}

// flow has something happen at random moments, so many a second.
func (r *run) flow(perSecond float64, do func()) {
	if perSecond <= 0 {
		return
	}
	var next func()
	next = func() {
		do()
		r.clock.After(r.random.ExpFloat64()/perSecond, next)
	}
	r.clock.After(r.random.ExpFloat64()/perSecond, next)
}
