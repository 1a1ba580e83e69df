//go:build linux

package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/swarm"
)

// assignment is the first line that a worker is told: one of these jobs.
type assignment struct {
	Hold  *holding        `json:"hold,omitempty"`
	Users *usersConfig    `json:"users,omitempty"`
	Flap  *flappersConfig `json:"flap,omitempty"`
}

// order is a later line.
type order string

// job is what a worker does on its loop, where order and state are called.
type job interface {
	swarm() *swarm.Loop
	order(order)
	// state is what the worker tells every so often.
	state() any
}

// tellEvery is how often a worker tells its state.
const tellEvery = 250 * time.Millisecond

// Worker is the main function of a worker process. It reads its job from stdin, does it and tells how it goes on stdout, until stdin
// ends, as it does when the load test ends in whatever way.
func Worker(stdin io.Reader, stdout io.Writer) error {
	lines := json.NewDecoder(stdin)
	var a assignment
	if err := lines.Decode(&a); err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	j, err := a.job(time.Now())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { // ends with the process: a read of a pipe cannot be interrupted
		defer cancel()
		for {
			var o order
			if lines.Decode(&o) != nil {
				return
			}
			j.swarm().Post(func() { j.order(o) })
		}
	}()
	return work(ctx, j, json.NewEncoder(stdout))
}

func (a *assignment) job(began time.Time) (job, error) {
	switch {
	case a.Hold != nil:
		return newHolder(*a.Hold, began)
	case a.Users != nil:
		return newUsers(*a.Users, began)
	case a.Flap != nil:
		return newFlappers(*a.Flap, began)
	}
	return nil, errors.New("no job")
}

// work runs the loop and tells its state until ctx ends.
func work(ctx context.Context, j job, tell *json.Encoder) error {
	loop := j.swarm()
	ended := make(chan error, 1)
	go func() { ended <- loop.Run() }()
	ticker := time.NewTicker(tellEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			loop.Stop()
			return <-ended
		case err := <-ended:
			return err
		case <-ticker.C:
		}
		var now any
		if err := loop.Do(ctx, func() { now = j.state() }); err != nil {
			continue // one of the two above says why
		}
		if err := tell.Encode(now); err != nil {
			fmt.Fprintln(os.Stderr, "worker:", err)
			loop.Stop()
			return <-ended
		}
	}
}
