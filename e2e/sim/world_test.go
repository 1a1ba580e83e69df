package sim_test

import (
	"container/heap"
	"hash/crc32"
	"sync"
	"testing/synctest"
	"time"
)

// world is the simulated time and all that happens in it but the product's own doing. One goroutine, that of run, calls the
// events; at may be called by any.
type world struct {
	seed  uint64
	began time.Time

	mu     sync.Mutex
	events events // guarded by mu
	wake   chan struct{}
	count  uint64
}

// event is a thing that happens. Events of one moment are ordered by key, which is of what happens and not of who asked first.
type event struct {
	at  time.Time
	key uint64
	f   func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	if e[i].at.Equal(e[j].at) {
		return e[i].key < e[j].key
	}
	return e[i].at.Before(e[j].at)
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	x := old[len(old)-1]
	old[len(old)-1] = event{}
	*e = old[:len(old)-1]
	return x
}

func newWorld(seed uint64) *world {
	return &world{seed: seed, began: time.Now(), wake: make(chan struct{}, 1)}
}

// now is the time since the beginning.
func (w *world) now() time.Duration { return time.Since(w.began) }

// at has f called on the world's goroutine at a moment.
func (w *world) at(when time.Time, key uint64, f func()) {
	w.mu.Lock()
	heap.Push(&w.events, event{when, key, f})
	first := w.events[0].key == key && w.events[0].at.Equal(when)
	w.mu.Unlock()
	if first {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

func (w *world) after(d time.Duration, key uint64, f func()) { w.at(time.Now().Add(d), key, f) }

// run lets time pass until a moment, or until done.
func (w *world) run(until time.Duration, done func() bool) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	end := w.began.Add(until)
	for {
		synctest.Wait() // what the last event set in motion has come to rest
		if done != nil && done() {
			return
		}
		now := time.Now()
		w.mu.Lock()
		if len(w.events) > 0 && !w.events[0].at.After(now) {
			e := heap.Pop(&w.events).(event)
			w.mu.Unlock()
			w.count++
			e.f()
			continue
		}
		next := end
		if len(w.events) > 0 && w.events[0].at.Before(end) {
			next = w.events[0].at
		}
		w.mu.Unlock()
		if !now.Before(end) {
			return
		}
		timer.Reset(next.Sub(now))
		select {
		case <-timer.C:
		case <-w.wake:
		}
	}
}

// draw is a number that depends on the seed and on what it is for, and on nothing else.
func (w *world) draw(of ...uint64) uint64 {
	h := mix(w.seed + 0x9e3779b97f4a7c15)
	for _, x := range of {
		h = mix(h ^ mix(x+0x9e3779b97f4a7c15))
	}
	return h
}

// mix is the finaliser of SplitMix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// name makes a number of a text, to draw with. Long texts are scripts: an instance sends all of them on each new connection, and taking them byte by
// byte was a tenth of a seed's time.
func name(s string) uint64 {
	if len(s) > 1024 {
		return mix(uint64(crc32.ChecksumIEEE([]byte(s))))
	}
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}

// hop is how long something travels: 100 to 900 µs, to the nanosecond its own.
func (w *world) hop(of ...uint64) time.Duration {
	return 100*time.Microsecond + time.Duration(w.draw(of...)%800_000)
}

// chance draws with probability p.
func (w *world) chance(p float64, of ...uint64) bool {
	return float64(w.draw(of...)>>11)/(1<<53) < p
}
