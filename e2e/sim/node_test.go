package sim_test

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
)

// node is one primary of Redis: a miniredis, and around it what that lacks: doorbells that go through the simulated network,
// a cluster's slots, memory that is full, a replica that takes over. It belongs to the world's goroutine.
type node struct {
	sim     *simulation
	index   int
	addr    string
	store   *miniredis.Miniredis
	peer    *server.Peer
	buf     bytes.Buffer
	out     *bufio.Writer
	scripts map[string]string
	ticked  time.Time
	id      string // changes with each primary at this place
	changes int

	links []*link // open ones
	subs  map[string][]*link
}

func newNode(s *simulation, index int) *node {
	n := &node{sim: s, index: index, addr: "n" + strconv.Itoa(index) + ":1", subs: map[string][]*link{}}
	n.fresh()
	return n
}

// fresh makes it a primary that has nothing.
func (n *node) fresh() {
	n.store = newStore()
	n.scripts, n.ticked = map[string]string{}, time.Now()
	n.out = bufio.NewWriter(&n.buf)
	n.peer = server.NewPeer(n.out)
	n.changes++
	n.id = fmt.Sprintf("%040x", n.sim.w.draw(uint64(n.index), uint64(n.changes)))
}

func newStore() *miniredis.Miniredis {
	m := miniredis.NewMiniRedis()
	c, err := m.Dial() // starts it without a listener
	if err != nil {
		panic(err)
	}
	_ = c.Close()
	return m
}

// raw is a command as miniredis does it.
func (n *node) raw(args ...string) string {
	n.buf.Reset()
	n.store.Server().Dispatch(n.peer, args)
	n.peer.Flush()
	return n.buf.String()
}

// value is a command's reply, nil for an error.
func (n *node) value(args ...string) any {
	v, err := server.ParseReply(bufio.NewReader(strings.NewReader(n.raw(args...))))
	if err != nil {
		return nil
	}
	return v
}

// tick lets keys grow old.
func (n *node) tick() {
	now := time.Now()
	if d := now.Sub(n.ticked); d >= time.Millisecond {
		n.store.FastForward(d)
		n.ticked = now
	}
}

// do is one command of a connection. deny, unless empty, is the error of everything it would write.
func (n *node) do(l *link, args []string, deny string) string {
	n.tick()
	asking := l.asking
	l.asking = false
	name := strings.ToUpper(args[0])
	switch name {
	case "SUBSCRIBE", "SSUBSCRIBE":
		return n.subscribe(l, name, args[1:])
	case "UNSUBSCRIBE", "SUNSUBSCRIBE":
		n.forgetChannels(l)
		return "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n"
	case "PING":
		if len(l.channels) > 0 {
			return "*2\r\n$4\r\npong\r\n$0\r\n\r\n"
		}
		return "+PONG\r\n"
	case "ASKING":
		l.asking = true
		return "+OK\r\n"
	case "READONLY", "READWRITE", "CLIENT", "AUTH", "SELECT":
		return "+OK\r\n"
	case "HELLO":
		return "-ERR unknown command 'hello'\r\n"
	case "COMMAND":
		return "*0\r\n"
	case "INFO":
		return bulk("# Server\r\nredis_version:7.2.0\r\nrun_id:" + n.id + "\r\n# Replication\r\nrole:master\r\nmaster_replid:" + n.id + "\r\n")
	case "CLUSTER", "PUBLISH", "SPUBLISH", "PUBSUB":
		return n.special(name, args[1:])
	case "SCRIPT":
		if strings.EqualFold(args[1], "load") {
			sum := sha1.Sum([]byte(args[2]))
			sha := hex.EncodeToString(sum[:])
			n.scripts[sha] = args[2]
			return bulk(sha)
		}
		return n.raw(args...)
	case "EVALSHA", "EVAL":
		return n.eval(name, args[1:], asking, deny)
	}
	if key, ok := firstKey(name, args); ok {
		if err := n.route([]string{key}, asking); err != "" {
			return "-" + err + "\r\n"
		}
	}
	if deny != "" && writes[name] {
		return "-" + deny + "\r\n"
	}
	return n.raw(args...)
}

func bulk(s string) string {
	var b strings.Builder
	writeBulk(&b, s)
	return b.String()
}

func (n *node) eval(name string, args []string, asking bool, deny string) string {
	source := args[0]
	if name == "EVALSHA" {
		var ok bool
		if source, ok = n.scripts[args[0]]; !ok {
			return "-NOSCRIPT No matching script. Please use EVAL.\r\n"
		}
	} else {
		sum := sha1.Sum([]byte(source))
		n.scripts[hex.EncodeToString(sum[:])] = source
	}
	count, err := strconv.Atoi(args[1])
	if err != nil || count > len(args)-2 {
		return "-ERR value is not an integer or out of range\r\n"
	}
	keys, argv := args[2:2+count], args[2+count:]
	if err := n.route(keys, asking); err != "" {
		return "-" + err + "\r\n"
	}
	return n.sim.engine.eval(&scripting{node: n, asking: asking, deny: deny}, source, keys, argv)
}

// Commands that write, and those that Redis refuses when memory is full (deny-oom) unless the script has written before.
var (
	writes = set("HSET HDEL HINCRBY SET PEXPIRE EXPIRE DEL UNLINK XADD XTRIM XDEL XGROUP XSETID XACK ZADD ZREM ZREMRANGEBYSCORE SADD SREM PERSIST RENAME COPY")
	grows  = set("HSET HINCRBY SET XADD XGROUP XSETID ZADD SADD COPY")
)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// nested is redis.call.
func (s *scripting) nested(args []string) []byte {
	n := s.node
	name := strings.ToUpper(args[0])
	switch name {
	case "PUBLISH", "SPUBLISH", "PUBSUB", "CLUSTER":
		return []byte(n.special(name, args[1:]))
	}
	if key, ok := firstKey(name, args); ok && n.route([]string{key}, s.asking) != "" {
		return []byte("-ERR Script attempted to access a non local key in a cluster node\r\n")
	}
	if writes[name] {
		if s.deny != "" && !s.wrote && (!strings.HasPrefix(s.deny, "OOM") || grows[name]) {
			return []byte("-" + s.deny + "\r\n")
		}
		s.wrote = true
	}
	n.raw(args...)
	return n.buf.Bytes()
}

// firstKey is the key of a command. Those with several have the others in the same slot.
func firstKey(name string, args []string) (string, bool) {
	switch {
	case name == "TIME" || name == "WAIT" || name == "SCAN" || name == "KEYS" || name == "DBSIZE" || len(args) < 2:
		return "", false
	case name == "XGROUP" || name == "XINFO" || name == "OBJECT" || name == "MEMORY":
		if len(args) < 3 {
			return "", false
		}
		return args[2], true
	}
	return args[1], true
}

// special are the commands that are not of one key.
func (n *node) special(name string, args []string) string {
	switch name {
	case "PUBLISH", "SPUBLISH":
		return ":" + strconv.Itoa(n.publish(args[0], args[1])) + "\r\n"
	case "PUBSUB":
		if strings.EqualFold(args[0], "numsub") || strings.EqualFold(args[0], "shardnumsub") {
			var b strings.Builder
			fmt.Fprintf(&b, "*%d\r\n", 2*(len(args)-1))
			for _, c := range args[1:] {
				writeBulk(&b, c)
				fmt.Fprintf(&b, ":%d\r\n", len(n.subs[c]))
			}
			return b.String()
		}
	case "CLUSTER":
		switch strings.ToUpper(args[0]) {
		case "MYID":
			return bulk(n.id)
		case "SLOTS":
			return n.sim.slotTable()
		case "INFO":
			return bulk("cluster_state:ok\r\n")
		}
	}
	return "-ERR unknown subcommand or wrong number of arguments\r\n"
}

func (n *node) subscribe(l *link, name string, channels []string) string {
	if l.channels == nil {
		l.channels = map[string]bool{}
	}
	var b strings.Builder
	for _, c := range channels {
		if !l.channels[c] {
			l.channels[c] = true
			n.subs[c] = append(n.subs[c], l)
		}
		b.WriteString("*3\r\n")
		writeBulk(&b, strings.ToLower(name))
		writeBulk(&b, c)
		fmt.Fprintf(&b, ":%d\r\n", len(l.channels))
	}
	return b.String()
}

// publish returns how many listen here. On a cluster the others' listeners hear it over the bus.
func (n *node) publish(channel, text string) int {
	for _, other := range n.sim.nodes {
		if other == n || n.sim.cluster {
			for _, l := range other.subs[channel] {
				other.ring(l, channel, text, other != n)
			}
		}
	}
	return len(n.subs[channel])
}

func (n *node) ring(l *link, channel, text string, bus bool) {
	l.rung++
	f := n.sim.bellFault(l, l.rung, bus)
	if f.lost {
		return
	}
	var b strings.Builder
	b.WriteString("*3\r\n")
	writeBulk(&b, "message")
	writeBulk(&b, channel)
	writeBulk(&b, text)
	l.reply(l.id^mix(l.rung), b.String(), f.late)
}

func (n *node) forget(l *link) {
	n.links = slices.DeleteFunc(n.links, func(x *link) bool { return x == l })
	n.forgetChannels(l)
}

func (n *node) forgetChannels(l *link) {
	for c := range l.channels {
		n.subs[c] = slices.DeleteFunc(n.subs[c], func(x *link) bool { return x == l })
	}
	l.channels = nil
}

// keys lists all keys, sorted.
func (n *node) keys() []string { return n.store.Keys() }

// copyKey puts a copy of a key into another node.
func (n *node) copyKey(key string, to *node) {
	switch kind := n.value("TYPE", key); fmt.Sprint(kind) {
	case "hash":
		args := []string{"HSET", key}
		for _, v := range list(n.value("HGETALL", key)) {
			args = append(args, text(v))
		}
		to.raw(args...)
	case "string":
		to.raw("SET", key, text(n.value("GET", key)))
	case "zset":
		l := list(n.value("ZRANGE", key, "0", "-1", "WITHSCORES"))
		for i := 0; i+1 < len(l); i += 2 {
			to.raw("ZADD", key, text(l[i+1]), text(l[i]))
		}
	case "set":
		for _, v := range list(n.value("SMEMBERS", key)) {
			to.raw("SADD", key, text(v))
		}
	case "stream":
		n.copyStream(key, to)
	}
	if ms, ok := n.value("PTTL", key).(int); ok && ms > 0 {
		to.raw("PEXPIRE", key, strconv.Itoa(ms))
	}
}

func (n *node) copyStream(key string, to *node) {
	last := "0-0"
	for _, e := range list(n.value("XRANGE", key, "-", "+")) {
		entry := list(e)
		args := []string{"XADD", key, text(entry[0])}
		last = text(entry[0])
		for _, f := range list(entry[1]) {
			args = append(args, text(f))
		}
		to.raw(args...)
	}
	// The last ID that there ever was is not to be had from miniredis; the room's hash knows it.
	room, client, _ := strings.Cut(key, ":s:")
	for _, m := range []*node{n, to} {
		if w := strings.Fields(text(m.value("HGET", room+":m", "#"+client))); len(w) >= 3 && w[2] != last && w[2] != "0-0" {
			if to.raw("XADD", key, w[2], "x", "")[0] != '-' {
				to.raw("XDEL", key, w[2])
			}
			break
		}
	}
	for _, g := range list(n.value("XINFO", "GROUPS", key)) {
		info := list(g)
		to.raw("XGROUP", "CREATE", key, text(info[1]), text(info[7]), "MKSTREAM")
	}
}

func list(v any) []any { l, _ := v.([]any); return l }

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	case server.Simple:
		return string(v)
	case int:
		return strconv.Itoa(v)
	}
	return ""
}

// snapshot copies all keys into a store of its own.
func (n *node) snapshot() *node {
	n.tick()
	c := &node{sim: n.sim, index: n.index, addr: n.addr, subs: map[string][]*link{}, changes: n.changes}
	c.fresh()
	for _, key := range n.keys() {
		n.copyKey(key, c)
	}
	return c
}

// replace makes what another store holds that of this place: a replica was promoted, or a server lost its data.
func (n *node) replace(by *node) {
	for _, l := range slices.Clone(n.links) {
		l.cut()
	}
	n.store, n.peer, n.out, n.ticked = by.store, nil, nil, by.ticked
	n.buf.Reset()
	n.out = bufio.NewWriter(&n.buf)
	n.peer = server.NewPeer(n.out)
	n.scripts = map[string]string{}
	n.changes++
	n.id = fmt.Sprintf("%040x", n.sim.w.draw(uint64(n.index), uint64(n.changes)))
	n.tick()
	if n.sim.slots != nil {
		n.sim.slots.table = ""
	}
}
