package chaos_test

import "time"

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
	door.poison("timeout", map[string]int{"timeout": 0}, "upstream", "downstream")
	time.Sleep(5 * time.Second)
	door.cure()
}

func slowDoor(r *run) {
	door := r.stack.node(0).door
	door.poison("latency", map[string]int{"latency": 300, "jitter": 100}, "upstream", "downstream")
	door.poison("bandwidth", map[string]int{"rate": 20}, "upstream", "downstream")
	time.Sleep(5 * time.Second)
	door.cure()
}

func cutDoors(r *run) {
	for range 5 {
		for i := range instances {
			r.stack.node(i).door.cut()
		}
		time.Sleep(400 * time.Millisecond)
	}
}

func silenceWire(r *run) {
	wire := r.stack.node(1).wire
	wire.poison("timeout", map[string]int{"timeout": 0}, "upstream", "downstream")
	time.Sleep(6 * time.Second)
	wire.cure()
}

func cutWires(r *run) {
	for range 10 {
		for i := range instances {
			r.stack.node(i).wire.cut()
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// loseAnswers: what was asked last is done, and half of an answer arrives.
func loseAnswers(r *run) {
	for i := range instances {
		r.stack.node(i).wire.poison("limit_data", map[string]int{"bytes": 3<<10 + i*777}, "downstream")
	}
	time.Sleep(5 * time.Second)
	for i := range instances {
		r.stack.node(i).wire.cure()
	}
}
