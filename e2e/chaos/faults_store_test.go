package chaos_test

import (
	"strconv"
	"strings"
	"time"

	"github.com/rejoin-dev/rejoin/tools/verify/faultproxy"
)

func storeFaults() []fault {
	return []fault{
		{name: "Redis restarted empty", store: inMemory, loses: true, old: oldRestart, do: restartRedis},
		{name: "Redis restarted with its data", store: onDisk, away: true, old: oldRestart, do: restartRedis},
		{name: "Redis stopped for 60 s", store: onDisk, away: true, slow: true, do: stopRedis(time.Minute)},
		{name: "Redis hung for 8 s (SIGSTOP)", store: onDisk, away: true, do: hangRedis},
		{name: "`CLIENT KILL TYPE pubsub`, ten times", store: onDisk, do: killSubscribers},
		{name: "every other doorbell dropped for 5 s", store: onDisk, do: dropDoorbells},
		{name: "`SCRIPT FLUSH`, twenty times", store: onDisk, do: flushScripts},
		{name: "maxmemory reached for 3 s", store: onDisk, do: fillMemory},
		{name: "`MISCONF` for 3 s: Redis could not save", store: onDisk, do: misconfigure},
		{name: "primary killed, Sentinel promotes", store: replicated, kills: true, tail: time.Second, away: true, do: failOver},
		{name: "primary killed, Sentinel promotes, with `REDIS_WAIT_REPLICAS=1`", store: replicated, kills: true, settings: []string{"REDIS_WAIT_REPLICAS=1"}, away: true, do: failOver},
		{name: "a replica that lags by 1 s is promoted", store: replicated, kills: true, tail: 2 * time.Second, away: true, do: failOverLagging},
		{name: "the same while the wallets are away: what they are sent is in their mailboxes only", store: replicated, kills: true, loses: true, do: failOverAway},
		{name: "the same with `REDIS_WAIT_REPLICAS=1`", store: replicated, kills: true, settings: []string{"REDIS_WAIT_REPLICAS=1"}, do: failOverAway},
	}
}

func restartRedis(r *run) {
	r.stack.server.Kill()
	r.stack.server.Start()
}

func stopRedis(d time.Duration) func(*run) {
	return func(r *run) {
		r.stack.server.Stop()
		time.Sleep(d)
		r.stack.server.Start()
	}
}

func hangRedis(r *run) {
	r.stack.server.Pause()
	time.Sleep(8 * time.Second)
	r.stack.server.Resume()
}

func killSubscribers(r *run) {
	for range 10 {
		r.stack.server.Do("CLIENT KILL TYPE pubsub")
		time.Sleep(200 * time.Millisecond)
	}
}

func dropDoorbells(r *run) {
	for i := range instances {
		r.stack.node(i).wire.deafen()
	}
	time.Sleep(5 * time.Second)
	for i := range instances {
		r.stack.node(i).wire.Cure()
	}
}

func flushScripts(r *run) {
	for range 20 {
		r.stack.server.Do("SCRIPT FLUSH")
		time.Sleep(100 * time.Millisecond)
	}
}

// fillMemory: whatever is used is the most that may be used.
func fillMemory(r *run) {
	r.stack.server.Do("CONFIG SET maxmemory " + strconv.Itoa(1<<20))
	time.Sleep(3 * time.Second)
	r.stack.server.Do("CONFIG SET maxmemory 0")
}

// misconfigure has Redis save where it cannot: it takes no write then, as is its default.
func misconfigure(r *run) {
	redis := r.stack.server
	_, dir, _ := strings.Cut(redis.Do("CONFIG GET dir"), "\n")
	redis.Do(`CONFIG SET save "3600 1"`)
	redis.Do("CONFIG SET dir /proc")
	redis.Do("BGSAVE")
	r.await("the save to fail", func() bool { return strings.Contains(redis.Do("INFO persistence"), "rdb_last_bgsave_status:err") })
	time.Sleep(3 * time.Second)
	redis.Do("CONFIG SET dir " + dir)
	redis.Do(`CONFIG SET save ""`)
	if !strings.Contains(redis.Do("INFO errorstats"), "errorstat_MISCONF:") {
		r.t.Error("no client was refused with MISCONF")
	}
}

// await blocks until done.
func (r *run) await(what string, done func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("waited in vain for %s", what)
		}
	}
}

func failOver(r *run) {
	r.stack.pair.Failover()
	r.mended()
	r.stack.pair.Rejoin()
}

// failOverLagging: what the primary says reaches the replica a second later, and the primary is killed.
func failOverLagging(r *run) {
	lag(r)
	time.Sleep(3 * time.Second)
	r.struck()
	failOver(r)
}

// failOverAway: no client has read the messages that the replica lacks.
func failOverAway(r *run) {
	lag(r)
	for _, room := range r.load.rooms {
		room.first.bar(true)
	}
	time.Sleep(4 * time.Second)
	r.struck()
	r.stack.pair.Failover()
	r.mended()
	for _, room := range r.load.rooms {
		room.first.bar(false)
	}
	r.stack.pair.Rejoin()
}

// lag puts a second between the primary and its replica.
func lag(r *run) {
	link := newProxy(r.t, r.stack.pair.Primary().Addr())
	r.stack.pair.Follow(link.Addr())
	link.Slow(faultproxy.Down, faultproxy.Pace{Latency: time.Second})
}
