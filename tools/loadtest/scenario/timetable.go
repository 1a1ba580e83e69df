//go:build linux

package scenario

import (
	"container/heap"

	"github.com/rejoin-dev/rejoin/tools/loadtest/swarm"
)

// timetable says who comes when. Its zero value is empty.
type timetable struct{ queue arrivals }

type arrival struct {
	at   int64
	user int
}

func (t *timetable) add(at int64, user int) { heap.Push(&t.queue, arrival{at, user}) }

// next is when the next one comes, swarm.Never when none does.
func (t *timetable) next() int64 {
	if len(t.queue) == 0 {
		return swarm.Never
	}
	return t.queue[0].at
}

func (t *timetable) take() arrival { return heap.Pop(&t.queue).(arrival) }

// arrivals implements heap.Interface.
type arrivals []arrival

func (a arrivals) Len() int           { return len(a) }
func (a arrivals) Less(i, j int) bool { return a[i].at < a[j].at }
func (a arrivals) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *arrivals) Push(x any)        { *a = append(*a, x.(arrival)) }

func (a *arrivals) Pop() any {
	last := len(*a) - 1
	x := (*a)[last]
	*a = (*a)[:last]
	return x
}
