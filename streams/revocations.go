package streams

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Revocation is a name that all instances refuse until a given time, when Redis forgets it. Its meaning is up to the caller.
type Revocation struct {
	Name  string
	Until time.Time // to the millisecond
}

// MostRevocations is the most that Redis keeps at a time.
const MostRevocations = 100_000

// ErrTooManyRevocations means that MostRevocations are still in force.
var ErrTooManyRevocations = errors.New("too many revocations")

const (
	// revocationsEvery is how often they are read without a doorbell, in case one was lost or a promoted replica lacks some.
	revocationsEvery = time.Minute
	revocationsRetry = time.Second
)

// revocations is the state of an instance that follows them: see Options.Revoked.
type revocations struct {
	wake chan struct{} // read them now
	read atomic.Bool   // they have been read once
}

func (r *revocations) nudge() {
	select {
	case r.wake <- struct{}{}:
	default: // due already
	}
}

// Revoke adds a revocation, for this instance and all others. It does not block; done is called when Redis has stored it. From then on it
// holds for every instance that reads the list. A doorbell makes the instances do so within a moment.
func (b *Backbone) Revoke(r Revocation, done func(error)) {
	c := b.newCall(revocationsScript, revocationsKey, func(cmd *redis.Cmd, err error) {
		switch {
		case err == nil && cmd.Val() == int64(0):
			err = ErrTooManyRevocations
		case err == nil && cmd.Val() != int64(1):
			err = errReply
		}
		done(err)
	}, []any{r.Name, r.Until.UnixMilli(), revocationsChannel, MostRevocations})
	c.Unmarked = true
	b.pipelines.Put(c)
}

// followRevocations reads all revocations whenever some may have been missed, until ctx ends.
func (b *Backbone) followRevocations(ctx context.Context) {
	for {
		wait := revocationsEvery
		if list, err := b.readRevocations(ctx); err == nil {
			b.health.works(partRevocations)
			b.opt.Revoked(list, true)
			b.revocations.read.Store(true)
		} else if ctx.Err() == nil {
			b.health.failed(partRevocations, err)
			wait = revocationsRetry
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-b.revocations.wake:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// readRevocations blocks until Redis has answered, or ctx ends.
func (b *Backbone) readRevocations(ctx context.Context) (list []Revocation, err error) {
	type answer struct {
		cmd *redis.Cmd
		err error
	}
	answers := make(chan answer, 1)
	c := b.newCall(revocationsScript, revocationsKey, func(cmd *redis.Cmd, err error) { answers <- answer{cmd, err} }, nil)
	c.Unmarked = true
	b.pipelines.Put(c)
	select {
	case a := <-answers:
		if a.err != nil {
			return nil, a.err
		}
		return parseRevocations(a.cmd.Val())
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func parseRevocations(v any) (list []Revocation, err error) {
	r := reader{list: asList(v)}
	for len(r.list) > 0 && err == nil {
		name := r.str()
		var one Revocation
		if one, err = parseRevocation(r.str(), name); err == nil {
			list = append(list, one)
		}
	}
	return list, errors.Join(r.err, err)
}

// parseRevocation reads a time in Unix ms, as a score may be written.
func parseRevocation(until, name string) (Revocation, error) {
	ms, err := strconv.ParseFloat(until, 64)
	if err != nil {
		return Revocation{}, errReply
	}
	return Revocation{Name: name, Until: time.UnixMilli(int64(ms))}, nil
}

// revoked handles a doorbell on the revocations channel.
func (b *Backbone) revoked(payload string) {
	until, name, ok := strings.Cut(payload, " ")
	r, err := parseRevocation(until, name)
	if !ok || err != nil {
		b.metrics.badBells.Inc()
		return
	}
	b.opt.Revoked([]Revocation{r}, false)
}
