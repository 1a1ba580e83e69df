package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

var update = flag.Bool("update", false, "write what hostile clients cost into SECURITY.md; with REJOIN_SOAK=1")

// TestHostileClientsCost measures what the table in SECURITY.md says, and checks that each thing ends at its bound, that two clients
// beside it are served all the while, and that nothing of it is left. -update writes the table.
func TestHostileClientsCost(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	c := newCosts(ctx, t)
	rows := [][]string{
		{"what it does", "server CPU", "Redis CPU", "server memory", "Redis memory"},
		{"---", "---:", "---:", "---:", "---:"},
		c.row("opens a connection and is silent", c.silent(many(2000))),
		c.row("connects and leaves", c.connects(many(2000))),
		c.row("connects, more often than `NEW_CONNECTIONS_PER_ADDRESS` (429)", c.refused(many(2000))),
		c.row("sends a message that is not JSON", c.nonsense(many(5000))),
		c.row("sends 200 bytes to a peer", c.messages(many(3000), 200)),
		c.row("sends 60 KB to a peer", c.messages(many(1000), 60_000)),
		c.row("sends to a peer whose mailbox is full", c.beyondFull(many(5000))),
		c.row("fills a mailbox of 1 MiB with 250 messages", c.mailboxes(max(5, many(20)))),
		c.row("resumes to such a mailbox, and acknowledges nothing", c.resumes(many(200))),
		c.row("joins a room of 63 others, and leaves", c.crowded(many(1000))),
		c.row("leaves a message of 60 KB unfinished", c.unfinished(100)),
	}
	c.served("at the end")
	waitFor(ctx, t, "the hostile to be gone", func() bool { return c.x.Metric("rejoin_sessions") == 2 })
	if keys := c.redis.Do("DBSIZE"); keys != "4" { // the leases, the room of the two, and their mailboxes
		t.Errorf("%s keys are left", keys)
	}
	var table strings.Builder
	for _, row := range rows {
		table.WriteString("| " + strings.Join(row, " | ") + " |\n")
	}
	t.Logf("each of them, once:\n%s", &table)
	if *update {
		writeCosts(t, table.String())
	}
}

// writeCosts puts the table into its place.
func writeCosts(t *testing.T, table string) {
	t.Helper()
	const file, begin, end = "../SECURITY.md", "-update` -->\n", "<!-- /costs -->"
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(old), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("SECURITY.md has no place for the costs")
	}
	if err := os.WriteFile(file, []byte(before+begin+table+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// costs has a server with the limits of its defaults but for messages a second, which would make the measurement long.
type costs struct {
	ctx       context.Context
	t         *testing.T
	redis     *redistest.Standalone
	x         *proctest.Process
	extension peer // two that mean no harm
	wallet    peer
	walletID  string
}

func newCosts(ctx context.Context, t *testing.T) *costs {
	c := &costs{ctx: ctx, t: t, redis: redistest.NewServer(t)}
	c.x = proctest.StartPlain(t, "REDIS_URL="+c.redis.URL(), "RATE_LIMIT_MESSAGES=0", "INSTANCE_LEASE=60s")
	room := newRoom()
	c.extension = dial(ctx, t, client.Config{URL: c.x.URL(), Room: room, Source: client.Extension})
	c.wallet = dial(ctx, t, client.Config{URL: c.x.URL(), Room: room, Source: client.Wallet})
	c.walletID = c.extension.meet()
	c.served("at the start")
	return c
}

// served has the two that mean no harm talk.
func (c *costs) served(when string) {
	c.t.Helper()
	c.extension.send(c.walletID, "offer", when)
	if got := wait[client.Data](c.wallet).Payload; got != when {
		c.t.Fatalf("%s: got %q", when, got)
	}
}

// cost is of one time, in seconds of processor and bytes; what was not measured is negative.
type cost struct{ server, redis, memory, redisMemory float64 }

// row says what something cost, after a look at whether others are served still.
func (c *costs) row(what string, spent cost) []string {
	c.t.Helper()
	c.served(what)
	micros := func(seconds float64) string {
		if seconds < 0 {
			return ""
		}
		return fmt.Sprintf("%.0f µs", seconds*1e6)
	}
	size := func(bytes float64) string {
		switch {
		case bytes < 0:
			return ""
		case bytes < 10_000:
			return fmt.Sprintf("%.1f KB", bytes/1e3)
		case bytes < 1e6:
			return fmt.Sprintf("%.0f KB", bytes/1e3)
		}
		return fmt.Sprintf("%.2f MB", bytes/1e6)
	}
	return []string{what, micros(spent.server), micros(spent.redis), size(spent.memory), size(spent.redisMemory)}
}

func (c *costs) now() cost {
	info := c.redis.Do("INFO")
	read := func(name string) float64 {
		_, rest, _ := strings.Cut(info, "\n"+name+":")
		line, _, _ := strings.Cut(rest, "\r")
		v, err := strconv.ParseFloat(line, 64)
		if err != nil {
			c.t.Fatalf("read %s: %v", name, err)
		}
		return v
	}
	return cost{
		c.x.Metric("process_cpu_seconds_total"), read("used_cpu_sys") + read("used_cpu_user"),
		c.x.Metric("process_resident_memory_bytes"), read("used_memory"),
	}
}

// each does something and returns what one of n cost.
func (c *costs) each(n int, do func()) cost {
	before := c.now()
	do()
	after := c.now()
	per := func(a, b float64) float64 { return max(0, b-a) / float64(n) }
	return cost{
		per(before.server, after.server), per(before.redis, after.redis),
		per(before.memory, after.memory), per(before.redisMemory, after.redisMemory),
	}
}

// processor forgets memory, of which nothing stays.
func processor(spent cost) cost { return cost{spent.server, spent.redis, -1, -1} }

// target is where the edge of a server takes connections of a room.
func target(s *proctest.Process, room, source string) string {
	other := map[string]string{client.Wallet: client.Extension, client.Extension: client.Wallet}
	return s.URL() + "/" + room + "?source=" + source + "&target=" + other[source]
}

func (c *costs) open(room, source string) *websocket.Conn {
	c.t.Helper()
	conn, res, err := websocket.Dial(c.ctx, target(c.x, room, source), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if res.Body != nil {
		_ = res.Body.Close()
	}
	c.t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

// count waits until the server holds so many clients, the two that mean no harm included.
func (c *costs) count(sessions int) {
	c.t.Helper()
	waitFor(c.ctx, c.t, "the number of sessions", func() bool { return int(c.x.Metric("rejoin_sessions")) == sessions })
}

// settled waits until Redis has as many rooms: an upgrade is answered before Redis knows.
func (c *costs) settled(keys int) {
	c.t.Helper()
	waitFor(c.ctx, c.t, "the number of keys", func() bool { return c.redis.Do("DBSIZE") == strconv.Itoa(keys) })
}

func (c *costs) silent(n int) cost {
	conns := make([]*websocket.Conn, 0, n)
	spent := c.each(n, func() {
		for range n {
			conns = append(conns, c.open(newRoom(), client.Wallet))
		}
		c.settled(4 + 2*n)
	})
	for _, conn := range conns {
		_ = conn.Close(websocket.StatusNormalClosure, "")
	}
	c.count(2)
	return spent
}

func (c *costs) connects(n int) cost {
	return processor(c.each(n, func() {
		for range n {
			_ = c.open(newRoom(), client.Wallet).Close(websocket.StatusNormalClosure, "")
		}
		c.settled(4)
	}))
}

// refused measures another server, which takes one new connection a second.
func (c *costs) refused(n int) cost {
	strict := *c
	strict.x = proctest.StartPlain(c.t, "NEW_CONNECTIONS_PER_ADDRESS=1")
	refusals := 0
	spent := strict.each(n, func() {
		for range n {
			conn, res, err := websocket.Dial(c.ctx, target(strict.x, newRoom(), client.Wallet), nil)
			switch {
			case err == nil:
				_ = conn.CloseNow()
			case res != nil && res.StatusCode == 429:
				refusals++
			default:
				c.t.Fatal(err)
			}
		}
	})
	strict.stop()
	if refusals < n/2 {
		c.t.Errorf("%d of %d were refused", refusals, n)
	}
	return cost{spent.server, 0, -1, -1}
}

func (c *costs) nonsense(n int) cost {
	conn := c.open(newRoom(), client.Wallet)
	text := []byte(strings.Repeat("no JSON ", 25))
	spent := c.each(n, func() {
		for range n {
			if err := conn.Write(c.ctx, websocket.MessageText, text); err != nil {
				c.t.Fatal(err)
			}
			if _, answer, err := conn.Read(c.ctx); err != nil || len(answer) > 2*len(text) {
				c.t.Fatalf("answered with %d bytes: %v", len(answer), err)
			}
		}
	})
	_ = conn.Close(websocket.StatusNormalClosure, "")
	return processor(spent)
}

// pair returns two clients of a new room, who leave at the end.
func (c *costs) pair(cfg client.Config) (from, to peer, id string, leave func()) {
	c.t.Helper()
	cfg.URL, cfg.Room, cfg.Rate = c.x.URL(), newRoom(), -1
	cfg.Source = client.Extension
	from = dial(c.ctx, c.t, cfg)
	cfg.Source = client.Wallet
	to = dial(c.ctx, c.t, cfg)
	return from, to, from.meet(), func() { _, _ = to.Close(c.ctx), from.Close(c.ctx) }
}

// messages measures another server, with mailboxes that hold what is sent within the second after which they are emptied.
func (c *costs) messages(n, size int) cost {
	wide := *c
	wide.x = proctest.StartPlain(c.t, "REDIS_URL="+c.redis.URL(), "RATE_LIMIT_MESSAGES=0", "MAILBOX_MESSAGES=4096", "MAILBOX_BYTES=268435456")
	from, to, id, leave := wide.pair(client.Config{})
	defer wide.stop()
	defer leave()
	payload := strings.Repeat("x", size-150) // the rest is around it
	return processor(wide.each(n, func() {
		for range n {
			from.send(id, "iceCandidate", payload)
			wait[client.Data](to)
		}
	}))
}

// stop ends another server in good order.
func (c *costs) stop() {
	c.x.Terminate()
	if err := c.x.Wait(c.ctx); err != nil {
		c.t.Error(err)
	}
}

// full returns a pair whose receiver has all that it may have waiting.
func (c *costs) full() (from, to peer, id string, leave func()) {
	from, to, id, leave = c.pair(client.Config{ManualAck: true, Events: 300})
	fill(c.t, from, id, 250, 3800)
	return from, to, id, leave
}

func (c *costs) beyondFull(n int) cost {
	from, _, id, leave := c.full()
	defer leave()
	payload, full := strings.Repeat("x", 60_000), 0
	attempt := func() {
		switch err := from.Send(c.ctx, client.Message{Target: id, Method: "iceCandidate", EncryptedPayload: payload}); {
		case errors.Is(err, client.ErrMailboxFull):
			full++
		case err != nil:
			c.t.Fatal(err)
		}
	}
	for range 10 {
		attempt()
	}
	spent := c.each(n, func() {
		for range n {
			attempt()
		}
	})
	if full < n {
		c.t.Errorf("%d of %d were refused", full, n)
	}
	return processor(spent)
}

func (c *costs) mailboxes(n int) cost {
	var leaves []func()
	spent := c.each(n, func() {
		for range n {
			_, _, _, leave := c.full()
			leaves = append(leaves, leave)
		}
	})
	for _, leave := range leaves {
		leave()
	}
	if spent.redisMemory > 2<<20 {
		c.t.Errorf("a mailbox of 1 MiB takes %.0f bytes", spent.redisMemory)
	}
	return cost{-1, -1, -1, spent.redisMemory}
}

func (c *costs) resumes(n int) cost {
	room, token := newRoom(), ""
	again := func(replay int) {
		protocols := []string{"rejoin.v1", "rejoin.resume." + token}
		conn, _, err := websocket.Dial(c.ctx, target(c.x, room, client.Wallet), &websocket.DialOptions{Subprotocols: protocols[:min(2, 1+len(token))]})
		if err != nil {
			c.t.Fatal(err)
		}
		defer conn.CloseNow()
		_, frame, err := conn.Read(c.ctx)
		var session struct {
			ResumeToken string
			Replay      int
		}
		if err = errors.Join(err, json.Unmarshal(frame, &session)); err != nil || session.Replay != replay {
			c.t.Fatalf("%d to replay, want %d; %v", session.Replay, replay, err)
		}
		token = session.ResumeToken
		for range replay {
			if _, _, err := conn.Read(c.ctx); err != nil {
				c.t.Fatal(err)
			}
		}
	}
	again(0)
	from := dial(c.ctx, c.t, client.Config{URL: c.x.URL(), Room: room, Source: client.Extension, Rate: -1})
	fill(c.t, from, from.meet(), 250, 3800)
	spent := c.each(n, func() {
		for range n {
			again(250)
		}
	})
	last := dial(c.ctx, c.t, client.Config{URL: c.x.URL(), Room: room, Source: client.Wallet, Resume: &client.Position{Token: token}})
	if !wait[client.Session](last).Resumed {
		c.t.Error("not resumed")
	}
	_, _ = last.Close(c.ctx), from.Close(c.ctx)
	return processor(spent)
}

func (c *costs) crowded(n int) cost {
	room := newRoom()
	var crowd []*websocket.Conn
	for range 63 {
		conn := c.open(room, client.Extension)
		crowd = append(crowd, conn)
		go func() { // ends with the connection
			for {
				if _, _, err := conn.Read(c.ctx); err != nil {
					return
				}
			}
		}()
	}
	c.settled(4 + 64)
	spent := c.each(n, func() {
		for range n {
			conn := c.open(room, client.Wallet)
			for range 63 {
				if _, _, err := conn.Read(c.ctx); err != nil {
					c.t.Fatal(err)
				}
			}
			_ = conn.Close(websocket.StatusNormalClosure, "")
		}
		c.settled(4 + 64)
	})
	for _, conn := range crowd {
		_ = conn.Close(websocket.StatusNormalClosure, "")
	}
	c.count(2)
	return processor(spent)
}

func (c *costs) unfinished(n int) cost {
	const buffered = "rejoin_edge_buffered_bytes"
	before, conns := c.x.Metric(buffered), make([]net.Conn, 0, n)
	for range n {
		var d net.Dialer
		conn, err := d.DialContext(c.ctx, "tcp", c.x.Addr())
		if err != nil {
			c.t.Fatal(err)
		}
		defer conn.Close()
		conns = append(conns, conn)
		// A masked text frame of 60,000 bytes, of which the last is missing.
		frame := append([]byte{0x81, 0xfe, 60_000 >> 8, 60_000 & 0xff, 0, 0, 0, 0}, make([]byte, 59_999)...)
		if _, err := conn.Write(append([]byte(upgradeHead(newRoom())), frame...)); err != nil {
			c.t.Fatal(err)
		}
	}
	waitFor(c.ctx, c.t, "what is unfinished to be held", func() bool { return c.x.Metric(buffered)-before >= float64(n*59_999) })
	held := (c.x.Metric(buffered) - before) / float64(n)
	for _, conn := range conns {
		_, _ = conn.Write(append([]byte{0}, 0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8)) // its last byte, and a close frame with 1000
		_, _ = io.Copy(io.Discard, conn)
	}
	waitFor(c.ctx, c.t, "it to be given back", func() bool { return c.x.Metric(buffered) == 0 })
	return cost{-1, -1, held, -1}
}

// upgradeHead is the head of a wallet's request.
func upgradeHead(room string) string {
	return "GET /" + room + "?source=wallet&target=extension HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
}
