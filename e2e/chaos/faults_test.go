package chaos_test

import (
	"context"
	"time"
)

// fault is something that breaks, and is mended.
type fault struct {
	name  string
	store store
	// settings are added to those of the instances.
	settings []string
	// loses: confirmed messages may be lost, for Redis keeps nothing, or is made to forget.
	loses bool
	// tail: what was confirmed within that time before a primary was killed, and until another one took its place, may be lost: Redis replicates
	// asynchronously. Whatever else is lost breaks a law.
	tail time.Duration
	// kills: a primary that has replicas is killed, so what it had handed over and not confirmed yet may be delivered twice.
	kills bool
	// away: Redis cannot be read for a while, so what a client has not read waits until after its sender has left (history.LeftUnread).
	away bool
	// slow: it takes too long to be one of many.
	slow bool
	// old is what radixdlt/signaling-server does under the same fault, where that was measured.
	old string
	// do breaks and mends. Full service is awaited from its return on, or from the moment that it gives to r.mended; the time that is
	// reported counts from its call, or from the moment that it gives to r.struck.
	do func(r *run)
}

const (
	oldKill    = "100 of 100 confirmed messages lost, ghosts for 12 hours"
	oldRestart = "10 of 10 lost"
	oldStall   = "710 of 1,000 lost"
	oldFlap    = "46 of 200 announced after they were gone"
)

// faults are all of them; each has a row.
func faults() []fault {
	list := append(instanceFaults(), storeFaults()...)
	list = append(list, clusterFaults()...)
	list = append(list, networkFaults()...)
	return append(list, clientFaults()...)
}

func instanceFaults() []fault {
	return []fault{
		{name: "instance `kill -9`", store: onDisk, old: oldKill, do: killInstance},
		{name: "instance SIGTERM, 5 s to live", store: onDisk, old: oldKill, settings: []string{"DRAIN_TIMEOUT=4s"}, do: terminate(5 * time.Second)},
		{name: "instance SIGTERM, 10 s to live", store: onDisk, old: oldKill, settings: []string{"DRAIN_TIMEOUT=8s"}, do: terminate(10 * time.Second)},
		{name: "instance SIGTERM, 30 s to live", store: onDisk, old: oldKill, settings: []string{"DRAIN_TIMEOUT=25s"}, slow: true, do: terminate(30 * time.Second)},
		{name: "instance SIGSTOP for 3 leases, then SIGCONT", store: onDisk, do: freezeInstance},
	}
}

// killInstance: another one takes its place, a second later.
func killInstance(r *run) {
	r.stack.node(0).process.Kill()
	r.mended()
	time.Sleep(time.Second)
	r.stack.replace(0)
}

// terminate asks an instance to end, and kills it when its time is up; its successor runs already.
func terminate(toLive time.Duration) func(*run) {
	return func(r *run) {
		old := r.stack.node(1)
		old.process.Terminate()
		ctx, cancel := context.WithTimeout(context.Background(), toLive)
		defer cancel()
		r.mended()
		if err := old.process.Wait(ctx); err != nil {
			r.t.Errorf("%v after SIGTERM: %v", toLive, err)
			old.process.Kill()
		}
		r.stack.replace(1)
	}
}

// freezeInstance: it wakes believing that it owns its clients.
func freezeInstance(r *run) {
	p := r.stack.node(2).process
	p.Freeze()
	time.Sleep(3 * lease)
	p.Thaw()
}
