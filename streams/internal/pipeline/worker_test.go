package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

var testScript = &Script{Name: "test", Single: NewText("return 1"), Cluster: NewText("return 2")}

func newPipelines() *Pipelines {
	return New(Options{
		Scripts: []*Script{testScript}, Own: func(context.Context, *redis.Conn) ([]Text, error) { return nil, nil }, Names: []string{"test"},
		IOTimeout: 3 * time.Second, Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler),
	})
}

// made returns a call of a key whose answers are collected.
func made(key string, deadline time.Time, done func(error)) *Call {
	return &Call{
		Script: testScript, Cmd: redis.NewCmd(context.Background()), Key: key, Deadline: deadline,
		Done: func(_ *redis.Cmd, err error) { done(err) },
	}
}

type replyError string

func (e replyError) Error() string { return string(e) }
func (replyError) RedisError()     {}

// No list of errors decides what is final: whatever is no reply is repeated, and only what speaks for the server makes all wait.
func TestJudge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want verdict
	}{
		{nil, replied},
		{redis.Nil, replied},
		{replyError("NOSCRIPT No matching script"), unloaded},
		{replyError("OOM command not allowed when used memory > 'maxmemory'."), refused},
		{replyError("ERR Error running script: -OOM command not allowed when used memory"), refused},
		{replyError("LOADING Redis is loading the dataset in memory"), serverWait},
		{replyError("READONLY You can't write against a read only replica."), serverWait},
		{replyError("ERR Error running script: -READONLY You can't write"), serverWait},
		{replyError("MISCONF Redis is configured to save RDB snapshots"), serverWait},
		{replyError("BUSY Redis is busy running a script."), serverWait},
		{replyError("NOREPLICAS Not enough good replicas to write."), serverWait},
		{replyError("MASTERDOWN Link with MASTER is down"), serverWait},
		{replyError("NOAUTH Authentication required."), serverWait},
		{replyError("WRONGPASS invalid username-password pair"), serverWait},
		{replyError("ERR max number of clients reached"), serverWait},
		{replyError("NOPERM this user has no permissions"), roomWait},
		{replyError("CLUSTERDOWN Hash slot not served"), roomWait},
		{replyError("TRYAGAIN Multiple keys request during rehashing of slot"), roomWait},
		{replyError("MOVED 1 127.0.0.1:1"), roomWait},
		{replyError("ASK 1 127.0.0.1:1"), roomWait},
		{replyError("ERR Script attempted to access a non local key in a cluster node"), roomWait},
		{replyError("EXECABORT Transaction discarded"), roomWait},
		{replyError("BUSYGROUP Consumer Group name already exists"), roomWait},
		{replyError("WRONGTYPE Operation against a key"), roomWait},
		{replyError("ERR unknown"), roomWait},
		{replyError("ZQXJ nonsense"), roomWait},
		{io.EOF, serverWait},
		{redis.ErrPoolTimeout, serverWait},
		{redis.ErrClosed, serverWait},
	} {
		if got := judge(c.err); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
}

// Each slot is what CLUSTER KEYSLOT says.
func TestSlot(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]uint16{
		"": 0, "foo": 12182, "{foo}:m": 12182, "{foo}:s:bar": 12182, "foo{}{bar}": 8363, "foo{{bar}}zap": 4015, "123456789": 12739,
	} {
		if got := Slot(key); got != want {
			t.Errorf("%q: %d, want %d", key, got, want)
		}
	}
}

func TestFullQueueRefusesAtOnceAndKeepsTheOthers(t *testing.T) {
	t.Parallel()
	p := newPipelines()
	defer p.Close()
	p.first.most = 0
	var wg sync.WaitGroup
	wg.Add(1)
	p.Put(made("k", time.Now().Add(time.Hour), func(err error) {
		defer wg.Done()
		if !errors.Is(err, ErrBusy) {
			t.Errorf("error %v", err)
		}
	}))
	wg.Wait()
}

// A batch whose fate is unknown is repeated: it has no more sends of one sender than are remembered.
func TestBatchHasNoMoreSendsOfOneSenderThanAreRemembered(t *testing.T) {
	t.Parallel()
	w := idleWorker()
	const rounds = 100
	for i := range rounds {
		w.queue = append(w.queue, &Call{Sender: "a", Key: "k"}, &Call{Sender: fmt.Sprint(i), Key: "k"}, &Call{Key: "k"})
	}
	want := slices.Clone(w.queue)
	var got []*Call
	for {
		w.batch = w.batch[:0]
		if w.take(time.Now()); len(w.batch) == 0 {
			break
		}
		sends := 0
		for _, c := range w.batch {
			if c.Sender == "a" {
				sends++
			}
		}
		if sends > RingSize {
			t.Errorf("%d sends of one sender in a batch", sends)
		}
		got = append(got, w.batch...)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%d of %d calls, or out of order", len(got), len(want))
	}
}

// A call that may wait travels with the next one, in order, or alone when its time is up.
func TestACallThatMayWaitTravelsWithTheNext(t *testing.T) {
	t.Parallel()
	w, now := idleWorker(), time.Now()
	late := &Call{Key: "a", Until: now.Add(2 * time.Second)}
	early := &Call{Key: "b", Until: now.Add(time.Second)}
	take := func(at time.Time) []*Call {
		w.batch = w.batch[:0]
		next := w.take(at)
		if len(w.batch) == 0 && len(w.queue) > 0 && !next.Equal(early.Until) {
			t.Errorf("the next look is in %v", next.Sub(now))
		}
		return slices.Clone(w.batch)
	}
	w.queue = []*Call{late, early}
	if got := take(now); len(got) != 0 {
		t.Fatalf("%d calls left without company", len(got))
	}
	other := &Call{Key: "a"}
	w.queue = append(w.queue, other)
	if got := take(now); !slices.Equal(got, []*Call{late, early, other}) {
		t.Fatalf("%d calls", len(got))
	}
	w.queue = []*Call{late, early}
	if got := take(early.Until); !slices.Equal(got, []*Call{late, early}) {
		t.Fatalf("%d calls when the time of one is up", len(got))
	}
	late.Script, late.Cmd = testScript, redis.NewCmd(t.Context())
	late.prepare(now, false, nil)
	w.requeue([]*Call{late}, nil, now)
	if got := take(now); len(got) != 1 {
		t.Error("a repeated call waits for company")
	}
}

func idleWorker() *worker {
	w := newWorker(&Pipelines{opt: Options{MaxBatch: maxBatch}, metrics: newMetrics(prometheus.NewRegistry(), []string{"test"})})
	return w
}

// What waits for its own key holds up nothing else, and keeps its order with what comes behind it.
func TestARoomThatHasToWaitHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w, now := idleWorker(), time.Now()
	name := func(calls []*Call) (keys []string) {
		for _, c := range calls {
			keys = append(keys, c.Key)
		}
		return keys
	}
	a1, a2, a3 := &Call{Key: "a"}, &Call{Key: "a"}, &Call{Key: "a"}
	w.requeue(nil, []*Call{a1, a2}, now)
	w.queue = append(w.queue, &Call{Key: "b"}, a3, &Call{Key: "c"})
	next := w.take(now)
	if got := name(w.batch); !slices.Equal(got, []string{"b", "c"}) {
		t.Fatalf("batch %v", got)
	}
	if !next.Equal(now.Add(firstBackoff)) {
		t.Errorf("next after %v", next.Sub(now))
	}
	w.batch = nil
	w.queue = append(w.queue, &Call{Key: "d"})
	w.take(next)
	if !slices.Equal(w.batch[:3], []*Call{a1, a2, a3}) || w.batch[3].Key != "d" {
		t.Errorf("batch %v", name(w.batch))
	}
}

// The deadline holds while nothing can be called, and for what is under way.
func TestEveryCallIsAnsweredByItsDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPipelines()
		defer p.Close()
		p.Disconnected(errors.New("no route"))
		began := time.Now()
		for i := range 50 {
			limit := time.Duration(100+10*i) * time.Millisecond
			p.Put(made(fmt.Sprint("k", i%3), began.Add(limit), func(err error) {
				if d := time.Since(began); !errors.Is(err, ErrUnavailable) || d < limit || d > limit+2*slack {
					t.Errorf("deadline %v: %v after %v", limit, err, d)
				}
			}))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := p.Queued(); n > 0 {
			t.Errorf("%d calls wait", n)
		}
	})
}

// ... also for one that comes while a round trip hangs, and has less time than all that were there before it.
func TestALateCallWithAnEarlyDeadlineIsAnsweredByIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, now := idleWorker(), time.Now()
		c := made("k", now.Add(time.Hour), func(error) {})
		w.batch, w.earliest = []*Call{c}, c.Deadline
		w.arm() // as before a round trip
		for range 3 {
			began, took := time.Now(), time.Duration(0)
			c := made("lease", began.Add(600*time.Millisecond), func(error) { took = time.Since(began) })
			c.Urgent = true
			w.put(c)
			time.Sleep(time.Second)
			synctest.Wait()
			if took == 0 || took > 600*time.Millisecond+2*slack {
				t.Errorf("answered after %v, want 600ms", took)
			}
		}
		w.disarm()
	})
}

// A call that was answered while it was under way is not answered again, and its memory is kept until the round trip is over.
func TestACallUnderWayIsReleasedWhenTheRoundTripEnds(t *testing.T) {
	t.Parallel()
	w, now := idleWorker(), time.Now()
	answers, released := 0, 0
	c := made("k", now.Add(-time.Second), func(error) { answers++ })
	c.Release = func() { released++ }
	w.batch, w.earliest = []*Call{c}, c.Deadline
	w.expire(now)
	if answers != 1 || released != 0 {
		t.Fatalf("%d answers, released %d times", answers, released)
	}
	w.sortReplies(now, nil)
	if answers != 1 || released != 1 || len(w.queue)+len(w.parked) > 0 {
		t.Errorf("%d answers, released %d times, %d calls left", answers, released, len(w.queue))
	}
}

// A send that is refused because the one before it is being repeated is repeated behind it. R31.
func TestASendWaitsForTheOneBeforeIt(t *testing.T) {
	t.Parallel()
	w, now := idleWorker(), time.Now()
	w.batch = nil
	for i, reply := range []error{replyError("TRYAGAIN"), nil, nil} {
		c := made("k", now.Add(time.Hour), func(err error) { t.Errorf("call %d: %v", i, err) })
		c.Sender = "s"
		c.Cmd.SetErr(reply)
		c.Cmd.SetVal(OutOfOrder)
		w.batch = append(w.batch, c)
	}
	want := slices.Clone(w.batch)
	w.sortReplies(now, nil)
	if got := w.parked["k"]; got == nil || !slices.Equal(got.calls, want) {
		t.Errorf("parked %+v", got)
	}
}

// ... also when the one before it waits for the server, as all calls do.
func TestASendStaysBehindTheOneThatWaitsForTheServer(t *testing.T) {
	t.Parallel()
	w, now := idleWorker(), time.Now()
	w.batch = nil
	for _, reply := range []error{replyError("MISCONF"), nil, nil} {
		c := made("k", now.Add(time.Hour), func(err error) { t.Errorf("answered: %v", err) })
		c.Sender = "s"
		c.Cmd.SetErr(reply)
		c.Cmd.SetVal(OutOfOrder)
		w.batch = append(w.batch, c)
	}
	want := slices.Clone(w.batch)
	w.sortReplies(now, nil)
	w.take(now)
	if !slices.Equal(w.batch, want) {
		t.Errorf("%d calls in the next batch, or out of order", len(w.batch))
	}
}

// An out-of-order send whose predecessor is not on its way is told so.
func TestASendWhosePredecessorIsGoneIsAnswered(t *testing.T) {
	t.Parallel()
	w, now, answers := idleWorker(), time.Now(), 0
	c := made("k", now.Add(time.Hour), func(err error) {
		if answers++; err != nil {
			t.Error(err)
		}
	})
	c.Sender = "s"
	c.Cmd.SetVal(OutOfOrder)
	w.batch = []*Call{c}
	w.sortReplies(now, nil)
	if answers != 1 {
		t.Errorf("%d answers", answers)
	}
}
