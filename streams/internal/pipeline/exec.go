package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// exec makes one round trip (two when the scripts may be unknown), answers what Redis answered, and takes the rest back.
// It returns how long the server should be left alone, 0 if it answers.
func (w *worker) exec(ctx context.Context) time.Duration {
	w.arm()
	started := time.Now()
	w.busy.Store(true)
	few, err := w.call(ctx, started)
	w.busy.Store(false)
	w.disarm()
	w.answering.Lock()
	defer w.answering.Unlock()
	if err != nil {
		for _, c := range w.batch {
			c.Cmd.SetErr(err)
		}
	}
	w.sortReplies(started, few)
	return w.pause
}

// call sends the batch. The error says why it could not be sent, few why it does not count as answered (WAIT).
func (w *worker) call(ctx context.Context, started time.Time) (few, err error) {
	client, err := w.p.connected()
	if err != nil {
		return nil, err
	}
	if err := w.load(ctx, client); err != nil {
		return nil, err
	}
	cluster, _ := client.(*redis.ClusterClient)
	for _, c := range w.batch {
		c.prepare(started, cluster != nil, w.own)
	}
	if cluster != nil {
		return w.callCluster(ctx, cluster)
	}
	pipe := client.Pipeline()
	for _, c := range w.batch {
		c.add(ctx, pipe)
	}
	wait, err := w.p.opt.Replicas.begin(ctx, client, pipe, w.batch)
	if err != nil {
		pipe.Discard()
		return nil, err
	}
	_, _ = pipe.Exec(ctx) // each command carries its own error
	return wait.done(ctx), nil
}

// sortReplies goes through the answers of a round trip. answering is held.
func (w *worker) sortReplies(started time.Time, few error) {
	progress := false
	now := time.Now()
	took := now.Sub(started)
	w.p.metrics.batches.Observe(float64(len(w.batch)))
	var server, rooms []*Call
	var trouble error // of the server
	for _, c := range w.batch {
		err := c.Cmd.Err()
		v := judge(err)
		if v == replied && few != nil {
			v, err = serverWait, few
		}
		if v == replied && c.outOfOrder() && (behind(c, server) || behind(c, rooms)) {
			v = roomWait // what it waits for is on its way
		}
		switch v {
		case replied, refused:
			progress = true
			w.answer(c, took, err, v)
			continue
		case unloaded:
			w.loaded = false
			if c.tries = min(c.tries+1, 6); c.tries > 2 {
				v = roomWait // its slot is somewhere else than where they were loaded
			}
		case serverWait:
			w.loaded = false
			trouble = err
		case roomWait:
		}
		if err != nil {
			c.trouble = err
			w.p.metrics.failed(c.Script)
		}
		switch {
		case c.answered:
			w.p.released(c)
		case v == roomWait && !behind(c, server): // or it would be parked, and the one before it behind it
			rooms = append(rooms, c)
		default:
			server = append(server, c)
		}
	}
	w.judgeServer(trouble, progress)
	if len(rooms) > 0 && !progress && trouble == nil {
		w.setTrouble(rooms[0].trouble, now)
	}
	w.requeue(server, rooms, now)
	w.p.metrics.repeats.Add(float64(len(server) + len(rooms)))
	if len(rooms) > 0 {
		w.p.Moved()
	}
	clear(w.batch)
	w.batch = w.batch[:0]
}

// behind reports whether a call of the same key is among those to repeat.
func behind(c *Call, repeated []*Call) bool {
	return slices.ContainsFunc(repeated, func(r *Call) bool { return r.Key == c.Key })
}

func (w *worker) answer(c *Call, took time.Duration, err error, v verdict) {
	if !c.answered {
		w.p.metrics.call(c.Script, took, notNil(err))
		if err = notNil(err); v == refused {
			err = fmt.Errorf("%w: %w", ErrBusy, err)
		}
		c.Done(c.Cmd, err)
	}
	w.p.released(c)
}

// judgeServer keeps what is wrong with the server, and decides how long to leave it alone.
func (w *worker) judgeServer(trouble error, progress bool) {
	switch {
	case trouble == nil:
		w.pause = 0
		if progress {
			w.trouble.Store(nil)
		}
		return
	case w.pause == 0 || progress:
		w.pause = firstBackoff
	default:
		w.pause = min(2*w.pause, lastBackoff)
	}
	w.setTrouble(trouble, time.Now())
	w.p.Moved()
}

func (w *worker) setTrouble(err error, now time.Time) {
	if err != nil {
		w.trouble.Store(&trouble{err, now})
	}
}

// load makes all scripts known before the first batch, and before the next one after something went wrong: a server
// that was restarted or promoted does not know them. Waiting for its NOSCRIPT instead would be slower: another instance may load
// them while it works on our pipeline, and it would refuse the first calls and serve the later ones.
func (w *worker) load(ctx context.Context, client redis.UniversalClient) error {
	if w.loaded {
		return nil
	}
	own, err := w.loadScripts(ctx, client)
	if err != nil {
		return err
	}
	w.loaded, w.own = true, own
	return nil
}

// loadScripts loads all scripts at the primary that has the first call's key. It is asked who it is on the connection that the
// scripts are loaded on: there may be another one a moment later.
func (w *worker) loadScripts(ctx context.Context, client redis.UniversalClient) (own []Text, err error) {
	if cluster, ok := client.(*redis.ClusterClient); ok {
		node, err := cluster.MasterForKey(ctx, w.batch[0].Key)
		if err != nil {
			return nil, fmt.Errorf("find primary: %w", err)
		}
		if own, err = w.p.opt.Own(ctx, nil); err != nil {
			return nil, err
		}
		return own, w.p.load(ctx, node, true, own)
	}
	single, ok := client.(*redis.Client)
	if !ok {
		return nil, fmt.Errorf("unknown client %T", client)
	}
	conn := single.Conn()
	defer conn.Close()
	if own, err = w.p.opt.Own(ctx, conn); err != nil {
		return nil, err
	}
	return own, w.p.load(ctx, conn, false, own)
}

func (p *Pipelines) load(ctx context.Context, node interface {
	Pipelined(context.Context, func(redis.Pipeliner) error) ([]redis.Cmder, error)
}, cluster bool, own []Text,
) error {
	_, err := node.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, s := range p.opt.Scripts {
			pipe.ScriptLoad(ctx, s.text(cluster, nil).Source)
		}
		for _, text := range own {
			pipe.ScriptLoad(ctx, text.Source)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("load scripts: %w", err)
	}
	return nil
}
