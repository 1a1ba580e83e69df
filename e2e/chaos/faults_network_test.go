package chaos_test

import (
	"time"

	"github.com/rejoin-dev/rejoin/tools/verify/faultproxy"
)

func networkFaults() []fault {
	return []fault{
		{name: "network between clients and one instance silent for 5 s", store: onDisk, do: silenceDoor},
		{name: "network between clients and one instance slow for 5 s (300 ms, 20 KB/s)", store: onDisk, do: slowDoor},
		{name: "network between clients and all instances cut, five times", store: onDisk, do: cutDoors},
		{name: "network between one instance and Redis silent for 6 s", store: onDisk, do: silenceWire},
		{name: "network between all instances and Redis cut, ten times", store: onDisk, do: cutWires},
		{name: "answers of Redis lost for 5 s: every connection ends after some KB of them", store: onDisk, do: loseAnswers},
	}
}

func silenceDoor(r *run) {
	door := r.stack.node(0).door
	door.Silence()
	time.Sleep(5 * time.Second)
	door.Cure()
}

func slowDoor(r *run) {
	door := r.stack.node(0).door
	door.slow(faultproxy.Pace{Latency: 300 * time.Millisecond, Jitter: 100 * time.Millisecond, Rate: 20_000})
	time.Sleep(5 * time.Second)
	door.Cure()
}

func cutDoors(r *run) {
	for range 5 {
		for i := range instances {
			r.stack.node(i).door.Cut()
		}
		time.Sleep(400 * time.Millisecond)
	}
}

func silenceWire(r *run) {
	wire := r.stack.node(1).wire
	wire.Silence()
	time.Sleep(6 * time.Second)
	wire.Cure()
}

func cutWires(r *run) {
	for range 10 {
		for i := range instances {
			r.stack.node(i).wire.Cut()
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// loseAnswers: what was asked last is done, and half of an answer arrives.
func loseAnswers(r *run) {
	for i := range instances {
		r.stack.node(i).wire.LimitDown(3<<10 + i*777)
	}
	time.Sleep(5 * time.Second)
	for i := range instances {
		r.stack.node(i).wire.Cure()
	}
}
