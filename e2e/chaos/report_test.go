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

// row sums up all runs of one fault.
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

// beside is appended to the name of a row that shows a fault of one primary as the rooms on the others see it.
const beside = ", seen from rooms on other primaries"

// lines returns a fault's row, followed by its companion row if it has one. Rows of faults that did not run are copied from before, the
// previous report.
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

// Between these the load test writes its own table, which is kept.
const (
	peerjsBegin = "<!-- peerjs-faults: written by `go test ./tools/loadtest/report -update` -->\n"
	peerjsEnd   = "<!-- /peerjs-faults -->\n"
)

const (
	reliabilityHead = `# Reliability

What is lost when something breaks. Each row is one fault, injected under a steady load: eight rooms on three instances and real Redis processes.
The seed of a run draws the rooms: pairs that negotiate in each combination of dialects, three equals, and a host with two viewers. Everything the clients saw is recorded and checked against five laws
(package ` + "`e2e/chaos/history`" + `): a confirmed message is delivered once, or its sender is told; messages from each sender to each receiver keep their order; a peer is announced
before its data and never after it is gone; each session ends once; a fenced connection gets nothing.

Two couples of PeerJS clients talk beside the rooms, and are not counted in the table. PeerJS confirms nothing, so they have laws of their own
(` + "`e2e/chaos/peerjs_test.go`" + `): what was written on one connection arrives in order; offers and answers arrive once; a message is lost only if it was among the last that were written
on a connection that broke, or if its sender gets an EXPIRE.

` + "`task chaos`" + ` writes this file. Each row was run as many times as *runs* says, with a different seed each time and several runs at once on one machine.
Times are that machine's; message counts are the sum of all runs. *Full service* means that every client has received a message that was sent
and confirmed after the fault was repaired (for a killed process: after the kill). Its time counts from the *start* of the fault, so
it includes the fault itself, the time until clients noticed, and the time until all were back. The longest of all runs is shown.
A row "seen from rooms on other primaries" has the same runs, but only the rooms whose cluster primary was healthy. Its time is the longest that
one of their clients went without a message during the fault, and *broken* also counts messages refused to them.

- *lost*: confirmed, never delivered, and the sender was not told.
- *told*: confirmed and not delivered, and the sender was told: by name (` + "`undelivered`" + `; ` + "`storeReplaced`" + `, which the clients turn into a list of what may be lost; rejoin.v1), by the receiver's departure or, for a plain sender, by the receiver's return under a new identity (rule S2.8). It also counts as told if the sender's own session ended before Redis could be read again: unread messages from a sender that
  has left are omitted (rule S1.3). A plain
  extension gets no grace window (` + "`RESUME_BY_ROLE=wallet`" + `): when its connection goes, its peers are told that it is gone, and what it had not read is gone too.
- *twice*: delivered again although exactly once was promised. A message that was delivered but not yet confirmed in the moment in which a primary was killed may be, because
  the next primary does not know it (rule R9.1).
- *again*: delivered again to a plain wallet on its next connection. Replay to plain clients is at least once.
- *broken*: violations of any law, including those in the columns before, except what asynchronous replication explains: such a message delivered twice, and losses of messages
  confirmed between the last second before a primary was killed (two seconds if its replica lags) and the takeover by another.

| fault | Redis | runs | messages | lost | told | twice | again | out of order | broken | full service | the old pub/sub server |
|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|
`
	reliabilityTail = `
The old server is radixdlt/signaling-server, measured under the same faults where a figure is given. Redis replicates asynchronously: what a
primary confirmed in the last moments before it dies may be missing on the replica that takes over. Connected receivers have all of it by
then except the very last, the messages of one turn of the primary's event loop. Messages waiting for an absent receiver are lost, and only ` + "`rejoin.v1`" + ` senders can be told. With ` + "`REDIS_WAIT_REPLICAS=1`" + ` a confirmation
waits for a replica: then nothing is lost, but nothing is confirmed while no replica answers. A Redis that comes back empty has lost what it confirmed
in its last moment and had not yet delivered; again, only ` + "`rejoin.v1`" + ` senders can be told.

## PeerJS clients, beside PeerServer

The same faults for [PeerJS clients](peerjs.md), with PeerServer (npm ` + "`peer`" + `) beside Rejoin: 200 clients, each of which sends two messages a second to one other, keep their id and token, and
call ` + "`reconnect()`" + ` about half a second after they were disconnected, as applications do. PeerJS confirms nothing, so *lost* is all that was written to an open socket and did not
arrive, what was on its way to an instance that died included. *Twice* are candidates that had arrived just before the kill: that they had was not in Redis yet, and they do no harm. An
offer does, so its arrival is passed on at once. *Silence* is the longest that one client went without a message. *No newcomer* is how long no client with a new id
could come in. ` + "`go run ./tools/loadtest peerjs`" + ` measures all of it.

` + peerjsBegin + peerjsEnd + `
PeerServer keeps everything in its one process. A phone that is back before its server has noticed gets no ` + "`OPEN`" + `, and what it was sent meanwhile is lost. When it is asked to end, it stops listening
and waits for its last client: those that are connected go on, new ones and those that have to reconnect find nothing, until it is killed, here after 12 seconds. It has no Redis.

## Simulated

The rows above are faults that someone thought of. ` + "`task sim`" + ` draws faults at random. Several hubs with the real scripts, and clients following the rules of both
dialects, go through a minute of trouble in simulated time. At every call to Redis, doorbell and socket anything may happen: any error,
a late or lost reply, a call executed twice, cut or silent networks, instances and primaries that hang, die or drain, a replica without the tail,
expiring keys, slots that move key by key. Afterwards everything has to recover by itself: the same five laws hold, every message gets an answer within
a bounded time, nothing waits for a primary it has nothing to do with, no ghost remains, and an hour later Redis holds no key. A seed determines
the whole history, so it repeats exactly, and a seed that fails is shrunk to the shortest list of faults. ` + "`go test ./e2e/sim`" + ` runs seeds 1 to
300, about 16 simulated hours; ` + "`task sim -- -seeds 1000000`" + ` goes on for as long as you like. The last run: seeds 1 to 1,100, 60 simulated hours,
133,000 messages, nothing found.

With the bugs of an earlier version put back, it finds each of them:

| put back | found after |
|---|---:|
| calls of one shard wait for another's | 63 seeds |
| an error reply stops the end of a session | 12 seeds |
| ghosts from late and lost replies | 227 seeds |
| a later message overtakes a refused one | 3 seeds |
| a slot that moves key by key fails calls for good | 25 seeds |
| mailboxes made anew never expire | 5 seeds |
| an instance returns under its old name | 10 seeds |

These were counted by hand, before seeds repeated exactly; to count again, revert the change and run ` + "`task sim`" + `. Since then it has found two bugs that no one had thought of. A client that read its answers late was
taken for one that had given its message up, and what it sent in between overtook that message. And senders were not told what was undelivered if the doorbell that announced the end
was lost together with the subscription.
`
)

// writeReliability writes docs/reliability.md. Faults that did not run keep their previous row.
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
	b.WriteString(total(b.String()))
	_, kept, _ := strings.Cut(string(before), peerjsBegin)
	kept, _, _ = strings.Cut(kept, peerjsEnd)
	b.WriteString(strings.Replace(reliabilityTail, peerjsBegin, peerjsBegin+kept, 1))
	if err := os.WriteFile(reliabilityFile, []byte(b.String()), 0o644); err != nil {
		t.Error(err)
	}
}

// total adds up the runs and messages of all rows of a report. Companion rows are other views of the same runs.
func total(report string) string {
	var runs, messages int
	for row := range strings.Lines(report) {
		cells := strings.Split(row, " | ")
		if len(cells) != 12 || strings.Contains(cells[0], beside) {
			continue
		}
		n, err := strconv.Atoi(cells[2])
		if err != nil {
			continue // the head of the table
		}
		m, _ := strconv.Atoi(cells[3])
		runs, messages = runs+n, messages+m
	}
	return fmt.Sprintf("\nAll rows together: %d runs, %d messages.\n", runs, messages)
}

// line returns a fault's row in a report, or "" if it has none.
func line(text string, f fault) string {
	for row := range strings.Lines(text) {
		if strings.HasPrefix(row, "| "+f.name+" | "+string(f.store)+" |") {
			return row
		}
	}
	return ""
}
