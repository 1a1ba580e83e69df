package streams

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestBatchHasNoMoreSendsOfOneSenderThanAreRemembered(t *testing.T) {
	t.Parallel()
	w := &worker{}
	const rounds = 100
	for i := range rounds {
		w.queue = append(w.queue, &call{sender: "a"}, &call{sender: fmt.Sprint(i)}, &call{})
	}
	want := append([]*call(nil), w.queue...)
	var got, batch []*call
	for batch = w.take(batch); len(batch) > 0; batch = w.take(batch) {
		sends := 0
		for _, c := range batch {
			if c.sender == "a" {
				sends++
			}
		}
		if sends > ringSize {
			t.Errorf("%d sends of one sender in a batch", sends)
		}
		got = append(got, batch...)
	}
	if len(got) != len(want) {
		t.Fatalf("%d of %d calls", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("call %d is not in its place", i)
		}
	}
}

func TestFullQueueRefusesAtOnceAndKeepsTheOthers(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1}) // nobody is there, and nobody is asked
	defer client.Close()
	b := newBatcher(client, scripts, nil, 0, newMetrics(Options{}.withDefaults().Registerer, scripts))
	defer b.close()
	b.worker.most = 0
	var wg sync.WaitGroup
	wg.Add(1)
	b.put(&call{done: func(_ *redis.Cmd, err error) {
		defer wg.Done()
		if !errors.Is(err, ErrBusy) {
			t.Errorf("error %v", err)
		}
	}})
	wg.Wait()
}

// What a sender sent behind a send whose time is up would be stored before it.
func TestExpiredSendTakesThoseBehindItAlong(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var answered []string
	made := func(name, sender string, late bool) *call {
		c := &call{sender: sender, cmd: redis.NewCmd(bg), deadline: now.Add(time.Hour)}
		if late {
			c.deadline = now.Add(-time.Hour)
		}
		c.done = func(_ *redis.Cmd, err error) {
			if !errors.Is(err, ErrUnavailable) {
				t.Errorf("%s: %v", name, err)
			}
			answered = append(answered, name)
		}
		return c
	}
	b1, b2, other := made("b1", "b", false), made("b2", "b", false), made("other", "", false)
	w := &worker{queue: []*call{made("a3", "a", false), b2}}
	batch := []*call{made("sync", "", true), b1, made("a1", "a", true), made("a2", "a", false), other}
	left := w.expire(batch, now)
	if !slices.Equal(answered, []string{"sync", "a1", "a2", "a3"}) {
		t.Errorf("answered %v", answered)
	}
	if !slices.Equal(left, []*call{b1, other}) || !slices.Equal(w.queue, []*call{b2}) {
		t.Errorf("%d left in the batch, %d in the queue", len(left), len(w.queue))
	}
}

type replyError string

func (e replyError) Error() string { return string(e) }
func (replyError) RedisError()     {}

func TestJudge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want verdict
	}{
		{nil, answered},
		{redis.Nil, answered},
		{replyError("ERR unknown"), answered},
		{replyError("WRONGTYPE"), answered},
		{replyError("NOSCRIPT No matching script"), unloaded},
		{replyError("OOM command not allowed when used memory > 'maxmemory'."), refused},
		{replyError("ERR Error running script: -OOM command not allowed when used memory"), refused},
		{replyError("LOADING Redis is loading the dataset in memory"), repeat},
		{replyError("READONLY You can't write against a read only replica."), repeat},
		{replyError("ERR Error running script: -READONLY You can't write"), repeat},
		{replyError("CLUSTERDOWN Hash slot not served"), repeat},
		{replyError("TRYAGAIN Multiple keys request during rehashing of slot"), repeat},
		{replyError("MOVED 1 127.0.0.1:1"), repeat},
		{replyError("ERR max number of clients reached"), repeat},
		{io.EOF, repeat},
		{redis.ErrPoolTimeout, repeat},
		{redis.ErrClosed, repeat},
	} {
		if got := judge(c.err); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
}
