package sim_test

import (
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/rejoin-dev/rejoin/e2e/chaos/history"
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// simulation is one history in the making.
type simulation struct {
	w         *world
	plan      *plan
	cluster   bool
	slots     *slots // nil: one server
	nodes     []*node
	engine    *engine
	instances []*instance // at their places
	all       []*instance // that there ever were
	rooms     []wire.RoomID
	members   []*member
	places    []*member // by the plan's numbers: who is there now
	placeOf   []int     // room of each place
	log_      *history.Log
	log       *slog.Logger
	dialing   sync.Mutex
	goes      sync.WaitGroup

	windows    []item          // faults that last
	freezes    []item          // of instances
	losses     []time.Duration // when something was lost that Redis had
	violations []history.Violation
	faultEnd   time.Duration
	traceTo    io.Writer
}

// result is what became of a seed.
type result struct {
	verdict   history.Verdict
	broken    []history.Violation
	hash      string
	simulated time.Duration
	events    []history.Event
}

// simulate lives through a plan. It has to be called within a bubble.
func simulate(p *plan, logTo io.Writer) (r result) {
	w := newWorld(p.seed)
	s := &simulation{w: w, plan: p, cluster: p.cluster, engine: newEngine(), traceTo: logTo, log_: history.NewLog(), log: discard()}
	if logTo != nil {
		s.log = slog.New(slog.NewTextHandler(logTo, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				a.Value = slog.StringValue(fmt.Sprintf("%.6f", w.now().Seconds()))
			}
			return a
		}}))
	}
	count := 1
	if p.cluster {
		count = 3
		s.slots = newSlots(count)
	}
	for i := range count {
		s.nodes = append(s.nodes, newNode(s, i))
	}
	s.instances = make([]*instance, p.instances)
	for i := range p.instances {
		w.after(w.hop(name("start"), uint64(i)), uint64(i), func() { s.start(i) })
	}
	w.run(2*time.Second, nil) // till all are ready
	for r, room := range p.rooms {
		s.rooms = append(s.rooms, s.roomID(r))
		for _, m := range room.members {
			i := len(s.places)
			s.placeOf = append(s.placeOf, r)
			s.places = append(s.places, s.join(fmt.Sprintf("%d/%s%d", r, m.role[:1], i), r, m))
		}
	}
	begin := w.now()
	for _, i := range p.items {
		s.schedule(begin, i)
	}
	w.run(begin+troubled, nil)
	s.settle(&r)
	s.farewell()
	s.close()
	r.broken = append(r.broken, s.violations...)
	slices.SortStableFunc(r.broken, func(a, b history.Violation) int { return int(a.At - b.At) })
	r.simulated = w.now()
	_, r.events = s.log_.History()
	h := fnv.New128a()
	for _, e := range r.events {
		fmt.Fprintln(h, e)
	}
	for _, v := range r.broken {
		fmt.Fprintln(h, v)
	}
	r.hash = hex.EncodeToString(h.Sum(nil))
	return r
}

func (s *simulation) roomID(r int) (room wire.RoomID) {
	for i := range room {
		room[i] = byte(s.w.draw(name("room"), uint64(r), uint64(i)))
	}
	return room
}

func (s *simulation) violate(law history.Law, member, format string, args ...any) {
	s.violations = append(s.violations, history.Violation{Law: law, At: s.w.now(), Text: member + " " + fmt.Sprintf(format, args...)})
}

// trace writes what happens, for comparing two lives of one plan.
func (s *simulation) trace(format string, args ...any) {
	if s.traceTo != nil {
		fmt.Fprintf(s.traceTo, "%.9f %s\n", s.w.now().Seconds(), fmt.Sprintf(format, args...))
	}
}

// warm lives through one seed with a cluster and one without, and forgets them: what is made once in a process, such as compiled scripts, would
// shift the draws of the seed that comes first.
var warm sync.Once

// live runs a plan in a bubble of its own.
func live(t *testing.T, p *plan, logTo io.Writer) result {
	t.Helper()
	warm.Do(func() {
		for _, cluster := range []bool{true, false} {
			first := newPlan(1, nil)
			first.cluster, first.quiet = cluster, false
			inBubble(t, first, nil)
		}
	})
	return inBubble(t, p, logTo)
}

func inBubble(t *testing.T, p *plan, logTo io.Writer) (r result) {
	t.Helper()
	cryptotest.SetGlobalRandom(t, p.seed)
	//lint:ignore SA1019 go-redis draws from the global source which node it asks
	rand.Seed(int64(p.seed))
	// go-redis keeps timers in a sync.Pool, and those of one bubble must not get into the next: two collections empty it.
	runtime.GC()
	runtime.GC()
	failed := ""
	bubbleSeed = p.seed
	synctest.Test(t, func(t *testing.T) {
		defer func() {
			if x := recover(); x != nil {
				failed = fmt.Sprintf("%v\n%s", x, debug.Stack())
				panic(failed)
			}
		}()
		r = simulate(p, logTo)
	})
	return r
}

// endAway is a close frame of a page that goes.
var endAway = signaling.Closure{By: signaling.ClosedByClient, Code: wire.CloseGoingAway}
