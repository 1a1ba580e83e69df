package simulation

import (
	"fmt"
	"math"

	"github.com/rejoin-dev/rejoin/tools/plan/sizing"
)

// What holds in every herd: the server's and the SDK's own settings.
const (
	refuseAfter  = 2.0 // who would wait for longer is told to come later
	backOff      = 0.1
	drainTimeout = 8.0
)

// Bounds on what a planned deployment does.
const (
	MessageP99     = 0.020 // seconds in queues and at work, in peace
	MessageP99Herd = 5.0   // REDIS_TIMEOUT: from then on senders are told to retry
)

// Of is the slice of a plan, with so many times as many clients as were planned for.
func Of(p *sizing.Planner, plan *sizing.Plan, times float64, seed uint64) Slice {
	const hour, micro = 3600, 1e-6
	a, u := &p.Assume, &p.Units
	inShard, perInstance := plan.InShard()*times, plan.PerInstance()*times
	messages := a.Messages / hour
	bus := 0.0
	if plan.Shards > plan.Cells {
		bus = plan.Clients / plan.Cells * times * messages * a.BusMicros * micro
	}
	return Slice{
		Clients: int(inShard), Instances: max(2, int(math.Round(inShard/perInstance))), Shards: int(plan.Shards / plan.Cells),
		Messages: messages, Connects: a.Connects / hour, Resumes: a.Resumes / hour,
		MessageServer: u.MessageServer.At(perInstance*messages) * micro, MessageRedis: u.MessageRedis.At(inShard*messages) * micro,
		ConnectServer: u.ConnectServer * micro, ConnectRedis: u.ConnectRedis * micro,
		ResumeServer: u.ResumeServer * micro, ResumeRedis: u.ResumeRedis * micro,
		InstanceSpeed: plan.Platform.VCPU*a.Speed - perInstance*u.IdleServer.At(perInstance)*micro,
		ShardSpeed:    a.Speed - inShard*u.IdleRedis.At(inShard)*micro - bus,
		Grace:         a.Grace.Seconds(), Refuse: refuseAfter, BackOff: backOff, Drain: drainTimeout, Start: u.StartSeconds,
		Zone: a.Zone, Deploy: a.Deploy.Seconds(), Seed: seed,
	}
}

// Verdict is what came of all herds.
type Verdict struct {
	Results []Result
	Broken  []string // bounds that do not hold
}

// Verify runs a plan through peace and all herds.
func Verify(p *sizing.Planner, plan *sizing.Plan, times float64, seed uint64) Verdict {
	s := Of(p, plan, times, seed)
	var v Verdict
	if s.InstanceSpeed <= 0 || s.ShardSpeed <= 0 {
		v.Broken = []string{"processors: idle connections take all of them"}
		return v
	}
	for _, h := range []Herd{Peace, Deploy, Crash, Storm} {
		r := s.Run(h, p.Assume.Storm)
		v.Results = append(v.Results, r)
		v.Broken = append(v.Broken, r.broken(p.Assume.Busy)...)
	}
	return v
}

// broken are the bounds that do not hold.
func (r *Result) broken(busy float64) (list []string) {
	limit := MessageP99Herd
	if r.Herd == Peace {
		limit = MessageP99
		if r.ShardBusy > busy {
			list = append(list, fmt.Sprintf("peace: a shard is busy for %.0f %% of the time", 100*r.ShardBusy))
		}
	}
	if p99 := r.Messages.P99(); p99 > limit {
		list = append(list, fmt.Sprintf("%s: messages take %.3g s (p99)", r.Herd, p99))
	}
	if r.Lost > 0 {
		list = append(list, fmt.Sprintf("%s: %d of %d clients are not back within the grace window", r.Herd, r.Lost, r.Away))
	}
	return list
}

// growth are the factors that Break tries.
var growth = [...]float64{1.25, 1.5, 1.75, 2, 2.5, 3, 4, 6, 8, 12, 16}

// Break lets a planned deployment have more and more clients until a bound breaks, and returns the factor, 0 when none does, and what
// broke.
func Break(p *sizing.Planner, plan *sizing.Plan, seed uint64) (times float64, broken []string) {
	for _, times := range growth {
		if v := Verify(p, plan, times, seed); len(v.Broken) > 0 {
			return times, v.Broken
		}
	}
	return 0, nil
}
