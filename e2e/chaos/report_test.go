package chaos_test

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// row is what all runs of one fault came to.
type row struct {
	fault
	runs, messages, lost, told, duplicated, again, outOfOrder, broken int
	service                                                           time.Duration // the longest
}

func (r *row) add(o outcome) {
	r.runs++
	r.messages += o.Sent
	r.lost += o.Lost
	r.told += o.Told
	r.duplicated += o.Duplicated
	r.again += o.Again
	r.outOfOrder += o.OutOfOrder
	r.broken += len(o.Violations)
	r.service = max(r.service, o.service)
}

// beside is how the row of a fault of one primary goes on, as the rooms on the others see it.
const beside = ", seen from rooms on other primaries"

// lines returns the row, and the one that belongs to it if there is one; before, a report, has those of faults that did not run.
func lines(f fault, outcomes []outcome, before string) string {
	here, elsewhere := &row{fault: f}, &row{fault: f}
	elsewhere.name += beside
	for _, o := range outcomes {
		here.add(o)
		if o.elsewhere != nil {
			elsewhere.add(*o.elsewhere)
		}
	}
	return here.line(before) + elsewhere.line(before)
}

func (r *row) line(before string) string {
	if r.runs == 0 {
		return line(before, r.fault)
	}
	service := strconv.FormatFloat(r.service.Seconds(), 'f', 1, 64) + " s"
	return fmt.Sprintf("| %s | %s | %d | %d | %d | %d | %d | %d | %d | %d | %s | %s |\n",
		r.name, r.store, r.runs, r.messages, r.lost, r.told, r.duplicated, r.again, r.outOfOrder, r.broken, service, r.old)
}

const reliabilityFile = "../../docs/reliability.md"

const (
	reliabilityHead = `# Reliability

What is lost when something breaks. Every row is one fault, under a steady load of eight rooms that negotiate, two of each combination
of dialects, over three instances and real Redis processes. All that the clients saw is written down and checked against five laws
(package ` + "`e2e/chaos/history`" + `): confirmed means delivered once, or the sender is told; order from each sender to each receiver; announced before
data and never after gone; one end for each session; nothing for a connection that was fenced.

This file is written by ` + "`task chaos`" + `: every row is tried as often as *runs* says, each time with another seed, several at once on one machine;
times are that machine's, and messages are those of all runs together. "Full service" is when every client has received a message that was sent
and confirmed after the fault was mended (for a process that was killed: after the kill). Its time counts from the moment at which the fault *began*:
it has in it how long the fault lasted, how long clients took to notice, and how long all took to come back. The longest of all runs is shown.
A row "seen from rooms on other primaries" has the same runs, but only the rooms of a cluster whose primary was well; its time is the longest that
one of their clients was without a message while the fault lasted, and *broken* counts what they had refused, too.

- *lost*: confirmed, never delivered, and nobody was told.
- *told*: confirmed and not delivered, and the sender was told so: by name (` + "`undelivered`; `storeReplaced`, which the clients turn into a list of what may be lost; rejoin.v1" + `), that the receiver is gone, or, to a plain sender, that it is there again as somebody new (rule S2.8). It counts as told, too, when the sender's own session ended before Redis could be read again: what a client has not read from a sender that
  has left since is left out (rule S1.3). A plain
  extension is not waited for (` + "`RESUME_BY_ROLE=wallet`" + `): when its connection goes, its peers hear that it is gone, and what it had not read is gone too.
- *twice*: delivered again where once was promised. What was delivered, and not confirmed yet, in the moment in which a primary was killed may be: the next
  one does not know it (rule R9.1).
- *again*: delivered again to a plain wallet on its next connection. Replay to plain clients is at least once.
- *broken*: violations of any of the laws, those of the columns before included, but for what asynchronous replication explains: such a message delivered twice, and losses of what was
  confirmed in the last second before a primary was killed (two where its replica lags), and until another took its place.

| fault | Redis | runs | messages | lost | told | twice | again | out of order | broken | full service | the old pub/sub server |
|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|
`
	reliabilityTail = `
The old server is radixdlt/signaling-server, measured under the same faults where a figure is given. Replication of Redis is asynchronous: what a
primary confirmed within the last moments before it dies may be missing on the replica that takes its place. Receivers that are there have it by
then, but for the very last, those of one turn of its event loop; what waits for a receiver that is away is lost, and only ` + "`rejoin.v1`" + ` senders can be told. With ` + "`REDIS_WAIT_REPLICAS=1`" + ` a confirmation
waits for a replica: nothing is lost, and nothing is confirmed while no replica answers. A Redis that comes back empty has lost what it confirmed
in its last moment and had not handed over yet; only ` + "`rejoin.v1`" + ` senders can be told of that, too.

## Simulated

The rows above are faults that somebody thought of. ` + "`" + `task sim` + "`" + ` draws them: several hubs with the real scripts, and clients by the rules of both
dialects, live through a minute of trouble in simulated time, while at every call to Redis, doorbell and socket anything may happen: any error,
a late or lost answer, a call done twice, cut and silent networks, instances and primaries that hang, die or drain, a replica without the tail,
keys that expire, slots that move key by key. Then all has to come right by itself: the same five laws, an answer to every message in
a bounded time, no wait for a primary that has nothing to do with it, no ghost, and an hour later not a key in Redis. One seed is
one history: it repeats exactly, and a seed that fails is shrunk to the shortest list of faults. ` + "`" + `go test ./e2e/sim` + "`" + ` lives through seeds 1 to
1,000, about 55 simulated hours; ` + "`" + `task sim -- -seeds 1000000` + "`" + ` goes on for as long as you like. The last run: seeds 1 to 1,100, 60 simulated hours,
133,000 messages, nothing found.

With the faults of an earlier version put back, it finds each of them:

| put back | found after |
|---|---:|
| calls of one shard wait for another's | 63 seeds |
| an error reply stops the end of a session | 12 seeds |
| ghosts of late and lost answers | 227 seeds |
| a refusal lets a later message overtake | 3 seeds |
| a slot on its way, key by key, fails calls for good | 25 seeds |
| mailboxes made anew have no lifetime | 5 seeds |
| an instance that comes back under its name | 10 seeds |

Counted by hand when each was put back, before seeds repeated exactly; there is no command for it but reverting the change and ` + "`" + `task sim` + "`" + `. What it has found since, and nobody had thought of: a client that reads its answers late was
taken for one that had given its message up, and what it sent meanwhile overtook that; what was not delivered was not told when the doorbell of the end was lost
with the subscription.
`
)

// writeReliability writes docs/reliability.md: a row for each fault that ran, and the row it had for those that did not.
func writeReliability(t testing.TB, list []fault, outcomes [][]outcome) {
	before, err := os.ReadFile(reliabilityFile)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(reliabilityHead)
	for i, f := range list {
		b.WriteString(lines(f, outcomes[i], string(before)))
	}
	b.WriteString(reliabilityTail)
	if err := os.WriteFile(reliabilityFile, []byte(b.String()), 0o644); err != nil { //nolint:gosec // a document
		t.Error(err)
	}
}

// line returns the row of a fault in a text, empty when it has none.
func line(text string, f fault) string {
	for row := range strings.Lines(text) {
		if strings.HasPrefix(row, "| "+f.name+" | "+string(f.store)+" |") {
			return row
		}
	}
	return ""
}
