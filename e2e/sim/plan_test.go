package sim_test

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// kind is what an item of a plan is.
type kind string

// What clients do.
const (
	doSend    kind = "send"    // N messages
	doCut     kind = "cut"     // the connection breaks; both ends see it
	doVanish  kind = "vanish"  // the network is gone for a while; the server notices late
	doStall   kind = "stall"   // the client does not read for a while
	doLeave   kind = "leave"   // in good order; a new client takes its place after a while
	doAgain   kind = "again"   // it connects once more while its connection looks well (a phone that changed networks)
	doMute    kind = "mute"    // it does not acknowledge for a while
	doQuit    kind = "quit"    // for good, in good order or not, and no new client takes its place
	doRemove  kind = "remove"  // the operator ends its session
	doRevoke  kind = "revoke"  // ... revokes its token
	doRefresh kind = "refresh" // it goes away with 1001 and comes back, as a page that reloads
)

// What breaks.
const (
	refuse     kind = "refuse"     // calls are answered with an error, before anything is done
	refuseOOM  kind = "oom"        // memory is full, now and then
	deny       kind = "deny"       // what scripts write is answered with an error
	late       kind = "late"       // calls reach Redis late
	slow       kind = "slow"       // answers come late
	lostCall   kind = "lostcall"   // the connection is cut in place of a call
	lostAnswer kind = "lostanswer" // ... in place of its answer
	twice      kind = "twice"      // calls are done twice
	cutLinks   kind = "cutlinks"   // connections to Redis are cut
	partition  kind = "partition"  // nothing passes between instances and Redis
	freezeNode kind = "freezenode" // Redis hangs
	bellLost   kind = "belllost"   // doorbells are lost on the bus of a cluster
	bellLate   kind = "belllate"   // doorbells come late
	freeze     kind = "freeze"     // an instance hangs
	kill       kind = "kill"       // an instance is killed; another one starts after a while
	deploy     kind = "deploy"     // an instance drains and ends; another one starts
	failover   kind = "failover"   // a replica takes over; Delay is the tail that it lacks
	wipe       kind = "wipe"       // Redis loses everything
	expire     kind = "expire"     // the keys of a room expire
	reshard    kind = "reshard"    // a room's slot moves, key by key; N tells in which order
)

var (
	clientKinds = []kind{doSend, doCut, doVanish, doStall, doLeave, doAgain, doMute, doQuit, doRefresh, doRemove, doRevoke}
	faultKinds  = []kind{
		refuse, refuseOOM, deny, late, slow, lostCall, lostAnswer, twice, cutLinks, partition, freezeNode, bellLost, bellLate, freeze, kill, deploy,
		failover, wipe, expire, reshard,
	}
)

// item is one thing that a plan holds. Its number stays when others are taken out, and so does all that is drawn for it.
type item struct {
	number     int
	at, lasts  time.Duration
	kind       kind
	inst, node int // -1: all
	member     int // or room
	p          float64
	delay      time.Duration
	err        string
	n          int
}

func (i item) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "#%d %7.3fs %-10s", i.number, i.at.Seconds(), i.kind)
	if i.lasts > 0 {
		fmt.Fprintf(&b, " for %.3fs", i.lasts.Seconds())
	}
	if slices.Contains(clientKinds, i.kind) {
		fmt.Fprintf(&b, " member %d", i.member)
	} else {
		fmt.Fprintf(&b, " instance %d node %d", i.inst, i.node)
	}
	if i.kind == expire || i.kind == reshard {
		fmt.Fprintf(&b, " room %d", i.member)
	}
	if i.p > 0 {
		fmt.Fprintf(&b, " p=%.2f", i.p)
	}
	if i.delay > 0 {
		fmt.Fprintf(&b, " by %.3fs", i.delay.Seconds())
	}
	if i.err != "" {
		fmt.Fprintf(&b, " %q", i.err)
	}
	if i.n > 0 {
		fmt.Fprintf(&b, " n=%d", i.n)
	}
	return b.String()
}

// plan is what a seed draws: who is there, and what happens when.
type plan struct {
	seed      uint64
	instances int
	cluster   bool
	sameName  bool // an instance that starts again has the name of the one before
	rooms     []roomPlan
	items     []item
	forgetful bool // a fault is planted: see TestFinds
	massacre  bool // in the end mailboxes expire, and all instances are killed at once
	quiet     bool // the whole hour at the end is lived through, by all instances
}

type roomPlan struct{ members []memberPlan }

type memberPlan struct {
	role   string
	target string // role of its peers; "" for wallets and extensions
	plain  bool
}

const (
	troubled = 50 * time.Second // while items begin

	// None is a multiple of another: timers that end at one moment end in any order.
	grace        = 12*time.Second + 7*time.Millisecond
	lease        = 10*time.Second + 11*time.Millisecond
	callTimeout  = 3*time.Second + 13*time.Millisecond
	syncInterval = 16 * time.Second
	pingInterval = 8*time.Second + 17*time.Millisecond
)

// refusals are what Redis 7 and 8, Valkey, and managed services answer to calls at their door.
var refusals = []string{
	"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
	"LOADING Redis is loading the dataset in memory",
	"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
	"CLUSTERDOWN The cluster is down",
	"CLUSTERDOWN Hash slot not served",
	"TRYAGAIN Multiple keys request during rehashing of slot",
	"NOPERM User default has no permissions to run the 'evalsha' command",
	"WRONGPASS invalid username-password pair or user is disabled.",
	"NOAUTH Authentication required.",
	"EXECABORT Transaction discarded because of previous errors.",
	"ERR max number of clients reached",
	"ERR Script attempted to access a non local key in a cluster node script: 0, on @user_script:1.",
	"NOREPLICAS Not enough good replicas to write.",
	"READONLY You can't write against a read only replica.",
	"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
	"OOM command not allowed when used memory > 'maxmemory'.",
	"UNKILLABLE Sorry the script already executed write commands against the dataset.",
	"XYZZY nothing that anybody has heard of",
}

// denials are what writes within a script are answered.
var denials = []string{
	"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
	"NOREPLICAS Not enough good replicas to write.",
	"READONLY You can't write against a read only replica.",
	"OOM command not allowed when used memory > 'maxmemory'.",
	"NOPERM No permissions to access a key",
}

// dice are the draws of one purpose, one after the other.
type dice struct {
	w  *world
	of uint64
	n  uint64
}

func (d *dice) next() uint64 { d.n++; return d.w.draw(d.of, d.n) }
func (d *dice) upTo(n int) int {
	return int(d.next() % uint64(n))
}
func (d *dice) chance(p float64) bool { d.n++; return d.w.chance(p, d.of, d.n) }

// between draws a time, shorter ones more often.
func (d *dice) between(low, high time.Duration) time.Duration {
	x := float64(d.next()>>11) / (1 << 53)
	return low + time.Duration(x*x*float64(high-low))
}

func (d *dice) even(low, high time.Duration) time.Duration {
	return low + time.Duration(d.next()%uint64(high-low))
}

// newPlan draws the plan of a seed. only, unless empty, are the kinds of faults that may be in it.
func newPlan(seed uint64, only []kind) *plan {
	w := &world{seed: seed}
	d := &dice{w: w, of: name("plan")}
	p := &plan{
		seed: seed, instances: 2 + d.upTo(2), cluster: d.chance(0.3), sameName: d.chance(0.3), quiet: d.chance(0.01),
	}
	if len(only) > 0 && slices.Contains(only, reshard) {
		p.cluster = true
	}
	for range 1 + d.upTo(2) {
		p.rooms = append(p.rooms, drawRoom(d))
	}
	members := 0
	for _, r := range p.rooms {
		members += len(r.members)
	}
	add := func(i item) { p.items = append(p.items, i) }
	for m := range members {
		for at := d.even(0, 4*time.Second); at < troubled; at += d.between(500*time.Millisecond, 12*time.Second) {
			n := 1 + d.upTo(3)
			if d.chance(0.05) {
				n = 20
			}
			add(item{at: at, kind: doSend, member: m, n: n})
		}
	}
	for range 2 + d.upTo(3*members) {
		k := clientKinds[1+d.upTo(len(clientKinds)-1)]
		add(item{at: d.even(0, troubled), lasts: d.between(50*time.Millisecond, 25*time.Second), kind: k, member: d.upTo(members)})
	}
	kinds := faultKinds
	if only != nil {
		kinds = only
	}
	for range 1 + d.upTo(6) {
		if len(kinds) > 0 {
			add(drawFault(d, p, kinds[d.upTo(len(kinds))]))
		}
	}
	p.massacre = slices.Contains(kinds, expire) && d.chance(0.1)
	slices.SortStableFunc(p.items, func(a, b item) int { return int(a.at - b.at) })
	for i := range p.items {
		p.items[i].number = i
	}
	return p
}

func drawRoom(d *dice) roomPlan {
	switch x := d.upTo(10); {
	case x < 2: // equals
		return roomPlan{slices.Repeat([]memberPlan{{"peer", "peer", false}}, 2+d.upTo(2))}
	case x < 4: // a host and its viewers
		return roomPlan{append(slices.Repeat([]memberPlan{{"viewer", "host", false}}, 1+d.upTo(2)), memberPlan{"host", "viewer", false})}
	}
	r := roomPlan{[]memberPlan{{"wallet", "", d.chance(0.5)}, {"extension", "", d.chance(0.4)}}}
	if d.chance(0.2) {
		r.members = append(r.members, memberPlan{[]string{"wallet", "extension"}[d.upTo(2)], "", false})
	}
	return r
}

func drawFault(d *dice, p *plan, k kind) item {
	i := item{at: d.even(2*time.Second, troubled), kind: k, inst: -1, node: -1}
	if d.chance(0.6) {
		i.inst = d.upTo(p.instances)
	}
	if p.cluster && d.chance(0.6) {
		i.node = d.upTo(3)
	}
	i.p = []float64{1, 1, 0.5, 0.2, 0.05}[d.upTo(5)]
	i.lasts = d.between(20*time.Millisecond, 20*time.Second)
	switch k {
	case refuse:
		i.err = refusals[d.upTo(len(refusals))]
	case deny:
		i.err = denials[d.upTo(len(denials))]
	case refuseOOM:
		i.p, i.err = []float64{0.3, 0.5, 0.8}[d.upTo(3)], "OOM command not allowed when used memory > 'maxmemory'."
	case late, slow, bellLate:
		i.delay = d.between(10*time.Millisecond, 8*time.Second)
	case lostCall, lostAnswer, twice:
	case bellLost:
		i.lasts, i.inst = d.between(20*time.Millisecond, 5*time.Second), -1
	case cutLinks:
		i.lasts, i.p = 0, 0
	case partition:
		i.p = 0
	case freezeNode:
		i.inst, i.p = -1, 0
	case freeze, kill, deploy:
		i.inst, i.p = d.upTo(p.instances), 0
	case failover:
		i.node, i.inst, i.p, i.lasts = 0, -1, 0, 0
		if p.cluster {
			i.node = d.upTo(3)
		}
		i.delay = d.between(0, 3*time.Second)
	case wipe:
		i.node, i.inst, i.p, i.lasts = 0, -1, 0, 0
		if p.cluster {
			i.node = d.upTo(3)
		}
	case expire, reshard:
		i.member, i.inst, i.node, i.p, i.n = d.upTo(len(p.rooms)), -1, -1, 0, 1+d.upTo(4)
		i.lasts = d.between(50*time.Millisecond, 15*time.Second)
	default:
		panic("a fault without a rule: " + k)
	}
	return i
}

func (p *plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %d instances, cluster %v, same names %v, rooms", p.seed, p.instances, p.cluster, p.sameName)
	for _, r := range p.rooms {
		b.WriteString(" (")
		for i, m := range r.members {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(m.role)
			if m.plain {
				b.WriteString(":plain")
			}
		}
		b.WriteByte(')')
	}
	b.WriteByte('\n')
	for _, i := range p.items {
		fmt.Fprintf(&b, "  %s\n", i)
	}
	return b.String()
}
