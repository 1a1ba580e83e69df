package suite

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	mathrand "math/rand/v2"
	"regexp"
	"slices"
	"sync"
)

// Target is the service under test.
type Target struct {
	// URL of an instance, ws://host:port or wss://host.
	URL string
	// Rate is how many data frames it takes from a connection in a second; cases with more are skipped. 0: any number.
	Rate int
	// Only selects cases by number; nil means all.
	Only *regexp.Regexp
	// Parallel is how many cases run at once; 0 means 4.
	Parallel int
	// Seed draws masks and random pieces; 0 means another one each time.
	Seed uint64
}

// Outcome of a case.
type Outcome string

// Outcomes.
const (
	Pass Outcome = "pass"
	Fail Outcome = "FAIL"
	Skip Outcome = "skipped"
)

// Result of a case: the worst of its runs, whole, byte by byte and in random pieces.
type Result struct {
	ID, Sent, Expected string
	Outcome            Outcome
	// Detail says what went wrong.
	Detail string
}

// Run runs the cases and returns their results in the order of the table. It blocks until all have ended; when ctx
// ends, cases that are under way fail.
func Run(ctx context.Context, target Target) []Result {
	if target.Parallel == 0 {
		target.Parallel = 4
	}
	if target.Seed == 0 {
		target.Seed = mathrand.Uint64()
	}
	cases := Cases()
	if target.Only != nil {
		cases = slices.DeleteFunc(cases, func(c Case) bool { return !target.Only.MatchString(c.ID) })
	}
	results := make([]Result, len(cases))
	slots := make(chan struct{}, target.Parallel)
	var wg sync.WaitGroup
	for i := range cases {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			results[i] = target.run(ctx, &cases[i])
		})
	}
	wg.Wait()
	return results
}

// run runs a case in each of the splits.
func (target *Target) run(ctx context.Context, c *Case) Result {
	r := Result{ID: c.ID, Sent: c.Sent, Expected: c.Expected(), Outcome: Pass}
	if target.Rate > 0 && c.dataFrames() > target.Rate {
		r.Outcome = Skip
		return r
	}
	for i, how := range splits {
		if err := target.once(ctx, c, how, mathrand.New(mathrand.NewPCG(target.Seed, uint64(i)))); err != nil {
			r.Outcome, r.Detail = Fail, fmt.Sprintf("%s, seed %d: %v", how, target.Seed, err)
			return r
		}
	}
	return r
}

// once runs a case in one split, in a room of its own.
func (target *Target) once(ctx context.Context, c *Case, how split, random *mathrand.Rand) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	room := newRoom()
	peer, err := connect(ctx, target.URL, "/"+room+"?source=wallet&target=extension", nil, nil)
	if err != nil {
		return fmt.Errorf("peer: %w", err)
	}
	defer peer.close()
	// Answered, the peer is in the room, and the subject hears of it first of all.
	if err := peer.say("ready?"); err != nil {
		return fmt.Errorf("peer: %w", err)
	}
	if err := peer.want(reply{echo, "ready?"}); err != nil {
		return fmt.Errorf("peer: %w", err)
	}
	x := &exchange{Case: c, how: how, random: random, peer: peer}
	if err := x.connect(ctx, target.URL, "/"+room+"?source=extension&target=wallet"); err != nil {
		return err
	}
	defer x.subject.close()
	stop := context.AfterFunc(ctx, func() { peer.close(); x.subject.close() })
	defer stop()
	if err := x.run(); err != nil {
		return err
	}
	return peer.leave()
}

func newRoom() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
