package simulation_test

import (
	"reflect"
	"testing"

	"github.com/rejoin-dev/rejoin/tools/plan/simulation"
)

// slice is a small one whose shard has room for 1,000 resumes a second beside its messages.
func slice() simulation.Slice {
	return simulation.Slice{
		Clients: 10_000, Instances: 4, Shards: 1, Messages: 0.01, Connects: 0.001, Resumes: 0.001,
		MessageServer: 200e-6, MessageRedis: 100e-6, ConnectServer: 100e-6, ConnectRedis: 100e-6, ResumeServer: 300e-6, ResumeRedis: 900e-6,
		InstanceSpeed: 1, ShardSpeed: 1, Grace: 30, Refuse: 2, BackOff: 0.1, Drain: 8, Start: 0.02, Deploy: 30, Seed: 7,
	}
}

func TestPeace(t *testing.T) {
	t.Parallel()
	s := slice()
	r := s.Run(simulation.Peace, 0)
	// 100 messages, 10 connects and 10 resumes a second.
	want := 100*s.MessageRedis + 10*s.ConnectRedis + 10*s.ResumeRedis
	if r.ShardBusy < 0.9*want || r.ShardBusy > 1.1*want || r.Away != 0 || r.Lost != 0 {
		t.Errorf("busy %.4f, want %.4f; %+v", r.ShardBusy, want, r)
	}
	if p50 := r.Messages.P50(); p50 < 0.00029 || p50 > 0.0004 { // 0.1 + 0.1 + 0.1 ms, and hardly a wait
		t.Errorf("a message takes %v s", p50)
	}
}

// TestStormIsWorkToDo: clients that were cut come back as fast as the shard can take them, later when it has less time, and all of them do.
func TestStormIsWorkToDo(t *testing.T) {
	t.Parallel()
	for _, share := range []float64{0.1, 0.5} {
		s := slice()
		r := s.Run(simulation.Storm, share)
		work := float64(r.Away) * s.ResumeRedis
		if r.Away != int(share*10_000) || r.Lost != 0 || r.Resumes.Count() != r.Away || r.BackAfter < work || r.BackAfter > 3*work+5 {
			t.Errorf("%v: %.1f s of work, back after %.1f s: %+v", share, work, r.BackAfter, r)
		}
	}
	few := slice()
	few.ResumeRedis *= 8
	if r := few.Run(simulation.Storm, 1); r.Lost == 0 || r.Refused == 0 {
		t.Errorf("72 s of work fit into a grace window of 30 s: %+v", r)
	}
}

// TestRefusalsKeepMessagesFast: newcomers who are told to come later do not hold up messages for longer than they would have waited.
func TestRefusalsKeepMessagesFast(t *testing.T) {
	t.Parallel()
	patient, strict := slice(), slice()
	patient.Refuse = 1e9
	a, b := patient.Run(simulation.Storm, 1), strict.Run(simulation.Storm, 1)
	if a.Refused != 0 || b.Refused == 0 || a.Messages.Max() < 2*b.Messages.Max() || b.Messages.Max() > 3.5 {
		t.Errorf("%.1f s without refusals, %.1f s with %d", a.Messages.Max(), b.Messages.Max(), b.Refused)
	}
}

func TestDeployAndCrash(t *testing.T) {
	t.Parallel()
	s := slice()
	if r := s.Run(simulation.Deploy, 0); r.Away != 10_000 || r.Lost != 0 || r.BackAfter > s.Drain+1 {
		t.Errorf("deploy: %+v", r)
	}
	if r := s.Run(simulation.Crash, 0); r.Away != 2500 || r.Lost != 0 || r.BackAfter < 2500*s.ResumeRedis {
		t.Errorf("crash: %+v", r)
	}
}

// TestShardsShareACrash: of a crashed instance each shard has its part to do, and of a deploy as much as if it were alone.
func TestShardsShareACrash(t *testing.T) {
	t.Parallel()
	s := slice()
	s.Shards = 5
	if r := s.Run(simulation.Crash, 0); r.Away != 500 || r.Lost != 0 {
		t.Errorf("crash: %+v", r)
	}
	if r := s.Run(simulation.Deploy, 0); r.Away != 10_000 || r.Lost != 0 {
		t.Errorf("deploy: %+v", r)
	}
}

func TestSeedDecides(t *testing.T) {
	t.Parallel()
	s, other := slice(), slice()
	other.Seed++
	a, b, c := s.Run(simulation.Storm, 0.5), s.Run(simulation.Storm, 0.5), other.Run(simulation.Storm, 0.5)
	if !reflect.DeepEqual(a, b) {
		t.Errorf("the same seed: %+v, %+v", a, b)
	}
	if a.BackAfter == c.BackAfter {
		t.Error("another seed gives the same")
	}
}
