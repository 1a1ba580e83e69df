package streams_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/streams"
)

// BenchmarkInstructions counts the instructions that redis-server executes for a step, its share of reading and answering included.
// Unlike a time, the count is the same on a busy machine. scripts/bench-instructions runs it: it needs a redis-server under Valgrind's
// callgrind, and names the directory of callgrind's files in REJOIN_CALLGRIND.
func BenchmarkInstructions(b *testing.B) {
	dir := os.Getenv("REJOIN_CALLGRIND")
	if dir == "" {
		b.Skip("REJOIN_CALLGRIND is not set: see scripts/bench-instructions")
	}
	p := &place{url: redistest.Server(b)}
	patient := func(o *streams.Options) { o.CallTimeout, o.MailboxEntries, o.MailboxBytes = time.Minute, 4096, 16<<20 }
	in := p.open(b, patient)
	cg := newCallgrind(b, p.url, dir)

	for _, size := range []int{400, 1300} {
		for _, width := range []int{1, 32} {
			b.Run(fmt.Sprintf("send/%dB/width=%d", size, width), func(b *testing.B) {
				cg.count(b, func() { benchSend(b, in, benchedSend{size: size, width: width}) })
			})
		}
	}
	b.Run("post/400B", func(b *testing.B) { cg.count(b, func() { benchPost(b, in, 400) }) })
	b.Run("ack/all that waits", func(b *testing.B) {
		holders := make([]*member, b.N)
		for i := range holders {
			room := newRoom()
			e, w := in.join(b, room, extension, plain), in.join(b, room, wallet, rejoin)
			m := e.message(w.id, 'c', "0")
			m.Data = make([]byte, 400)
			must(b, in.send(m))
			holders[i] = w
		}
		in.take()
		cg.count(b, func() {
			for _, w := range holders {
				must(b, in.ack(w.ref(), w.seq(0)))
			}
		})
	})
	b.Run("ack/1 entry of many", func(b *testing.B) { cg.acks(b, in, 1) })
	b.Run("ack/8 entries of many", func(b *testing.B) { cg.acks(b, in, 8) })
	b.Run("attach and leave", func(b *testing.B) {
		cg.count(b, func() {
			for range b.N {
				a := request(newRoom(), wallet, rejoin, true)
				_, m := in.try(b, a)
				<-in.leave(m.ref(), streams.EntryID{})
			}
		})
	})
	b.Run("resume/20 entries", func(b *testing.B) {
		room := newRoom()
		e, w := in.join(b, room, extension, rejoin), in.join(b, room, wallet, rejoin)
		for i := range 20 {
			m := e.message(w.id, 'c', strconv.Itoa(i))
			m.Data = make([]byte, 300)
			must(b, in.send(m))
		}
		in.take()
		cg.count(b, func() {
			for range b.N {
				w = w.resume(b, in, streams.EntryID{})
			}
		})
	})
	// What the driver's smallest calls cost, to hold the others against.
	opt, err := streams.ParseURL(p.url)
	if err != nil {
		b.Fatal(err)
	}
	client := redis.NewUniversalClient(opt)
	defer client.Close()
	ctx := context.Background()
	script := redis.NewScript("return 'S'")
	if err := script.Load(ctx, client).Err(); err != nil {
		b.Fatal(err)
	}
	data, short, room := string(make([]byte, 444)), string(make([]byte, 34)), "{"+newRoom()+"}:m"
	box := room + short
	b.Run("an empty script with the arguments of a send", func(b *testing.B) {
		cg.count(b, func() {
			for range b.N {
				must0(b, client.Do(ctx, "EVALSHA", script.Hash(), "2", room, box, short, data).Err())
			}
		})
	})
	b.Run("PUBLISH to one subscriber", func(b *testing.B) {
		sub := client.Subscribe(ctx, "x")
		defer sub.Close()
		if _, err := sub.Receive(ctx); err != nil {
			b.Fatal(err)
		}
		go func() {
			for range sub.Channel() {
			}
		}()
		cg.count(b, func() {
			for range b.N {
				must0(b, client.Publish(ctx, "x", data).Err())
			}
		})
	})
}

func must0(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// callgrind is a redis-server that runs under Valgrind, and counts only when it is told to.
type callgrind struct {
	pid   int
	dir   string
	parts int
}

func newCallgrind(b *testing.B, url, dir string) *callgrind {
	b.Helper()
	opt, err := streams.ParseURL(url)
	if err != nil {
		b.Fatal(err)
	}
	client := redis.NewUniversalClient(opt)
	defer client.Close()
	info, err := client.Info(context.Background(), "server").Result()
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(line, "process_id:"); ok {
			pid, err := strconv.Atoi(strings.TrimSpace(v))
			if err != nil {
				b.Fatal(err)
			}
			return &callgrind{pid: pid, dir: dir}
		}
	}
	b.Fatal("redis-server does not tell its process_id")
	return nil
}

func (c *callgrind) control(b *testing.B, args ...string) {
	b.Helper()
	out, err := exec.Command("callgrind_control", append(args, strconv.Itoa(c.pid))...).CombinedOutput()
	if err != nil {
		b.Fatalf("callgrind_control %v: %v\n%s", args, err, out)
	}
}

// count reports the instructions of redis-server while work ran, divided by b.N.
func (c *callgrind) count(b *testing.B, work func()) {
	b.Helper()
	c.control(b, "-i", "on")
	work()
	c.control(b, "-i", "off")
	b.ReportMetric(float64(c.total(b))/float64(b.N), "instr/op")
	b.ReportMetric(0, "ns/op") // under Valgrind a time says nothing
}

// acks counts acknowledgements of so many entries each.
func (c *callgrind) acks(b *testing.B, in *instance, entries int) {
	b.Helper()
	room := newRoom()
	e, w := in.join(b, room, extension, plain), in.join(b, room, wallet, rejoin)
	for i := range b.N * entries {
		m := e.message(w.id, 'c', strconv.Itoa(i))
		m.Data = make([]byte, 400)
		must(b, in.send(m))
	}
	in.take()
	c.count(b, func() {
		for i := range b.N {
			must(b, in.ack(w.ref(), w.seq(uint64((i+1)*entries-1))))
		}
	})
}

// total takes what was counted since the last time: callgrind numbers its files.
func (c *callgrind) total(b *testing.B) int {
	b.Helper()
	c.control(b, "-d")
	c.parts++
	file := filepath.Join(c.dir, fmt.Sprintf("callgrind.%d.%d", c.pid, c.parts))
	var n int
	until(b, "callgrind's file is written", func() bool {
		var ok bool
		n, ok = totals(b, file)
		return ok
	})
	return n
}

func totals(b *testing.B, file string) (int, bool) {
	b.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) { // the last line of a file that is written whole
		if v, ok := strings.CutPrefix(line, "totals: "); ok {
			n, err := strconv.Atoi(strings.TrimSpace(v))
			if err != nil {
				b.Fatal(err)
			}
			return n, true
		}
	}
	return 0, false
}
