package suite

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Target is the service under test.
type Target struct {
	// A and B are base URLs ("ws://host:port") of two instances; B may be empty, or the same as A.
	A, B string
	// Grace is the service's grace window; 0 means what its session frames say. Checks that wait for its end are skipped when
	// it is longer than MaxGrace.
	Grace time.Duration
	// Only selects checks by name; nil means all.
	Only *regexp.Regexp
	// Parallel is how many checks run at once; 0 means 8.
	Parallel int
	// Secret is an HMAC key of the service's AUTH_SECRET_FILE, nil if it asks for no tokens: with it all clients show one.
	Secret []byte
	// Admin is the base URL ("http://host:port") of an instance's private port, and AdminToken the operator's token there. Without
	// them, and without Secret, the checks that need them are skipped.
	Admin, AdminToken string
	// Patience is how long anything that must happen may take; 0 means 10 s.
	Patience time.Duration
}

// MaxGrace is the longest grace window whose end is waited for.
const MaxGrace = 5 * time.Second

// Outcome of a check.
type Outcome string

// Outcomes.
const (
	Pass Outcome = "PASS"
	Fail Outcome = "FAIL"
	Skip Outcome = "SKIP"
)

// Result of a check.
type Result struct {
	Name    string
	Rules   []string // ids of docs/protocol.md
	Outcome Outcome
	// Detail says what went wrong, or why the check was skipped.
	Detail string
	Took   time.Duration
}

// check is one thing to prove.
type check struct {
	name  string
	rules string // ids, separated by blanks
	run   func(*probe)
}

func checks() []check {
	return slices.Concat(connectChecks(), httpChecks(), presenceChecks(), messageChecks(), validationChecks(), limitChecks(),
		sessionChecks(), ackChecks(), tokenChecks(), graceChecks(), mailboxChecks(), replayChecks(), plainReplayChecks(), iceChecks(), roomChecks(), kindChecks(),
		authChecks(), operatorChecks())
}

// Rules lists, sorted, the ids that the checks prove between them.
func Rules() []string {
	var rules []string
	for _, c := range checks() {
		rules = append(rules, strings.Fields(c.rules)...)
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}

// Run runs the checks and calls report with each result, one call at a time, in the order they end. It blocks until all have
// ended, and reports whether none failed. When ctx ends, checks that are under way fail.
func Run(ctx context.Context, target Target, report func(Result)) bool {
	if target.B == "" {
		target.B = target.A
	}
	if target.Patience == 0 {
		target.Patience = 10 * time.Second
	}
	if target.Parallel == 0 {
		target.Parallel = 8
	}
	slots := make(chan struct{}, target.Parallel)
	var wg sync.WaitGroup
	var mu sync.Mutex
	good := true
	for _, c := range checks() {
		if target.Only != nil && !target.Only.MatchString(c.name) {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			r := runOne(ctx, target, c)
			mu.Lock()
			defer mu.Unlock()
			good = good && r.Outcome != Fail
			report(r)
		})
	}
	wg.Wait()
	return good
}

// verdict is how a check ends early.
type verdict struct {
	outcome Outcome
	detail  string
}

func runOne(ctx context.Context, target Target, c check) (r Result) {
	began := time.Now()
	p := newProbe(ctx, target)
	r = Result{Name: c.name, Rules: strings.Fields(c.rules), Outcome: Pass}
	defer func() {
		p.close()
		r.Took = time.Since(began)
		switch v := recover().(type) {
		case nil:
		case verdict:
			r.Outcome, r.Detail = v.outcome, v.detail
		default:
			r.Outcome, r.Detail = Fail, fmt.Sprintf("check panicked: %v", v)
		}
	}()
	c.run(p)
	return r
}
