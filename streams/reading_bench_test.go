package streams_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/streams"
)

// BenchmarkReading compares how a message gets from a mailbox to the instance that has its receiver: by doorbell and a position that is
// moved now and then, as here, or by XREADGROUP, XACK and XDEL, as a job queue does. Both store it by the same script. redis-µs/op is the
// processor time of Redis for one message: docs/architecture.md has the figures.
func BenchmarkReading(b *testing.B) {
	p := &place{url: redistest.Server(b)}
	in := p.open(b, func(o *streams.Options) { o.MailboxEntries, o.MailboxBytes = 1<<30, 1<<40 })
	client := p.client(b)
	for _, every := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("doorbells/an ack every %d", every), func(b *testing.B) {
			room := newRoom()
			e, w := in.join(b, room, extension, plain), in.join(b, room, wallet, rejoin)
			redisTime(b, client, func() {
				for i := range b.N {
					sendOne(b, e, w, i)
					if i%every == every-1 {
						must(b, in.ack(w.ref(), w.seq(uint64(i))))
						in.take()
					}
				}
			})
		})
	}
	for _, mailboxes := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("XREADGROUP/%d mailboxes at once", mailboxes), func(b *testing.B) {
			room := newRoom()
			e, w := in.join(b, room, extension, plain), in.join(b, room, wallet, rejoin)
			w.drop(b) // no doorbells
			ctx, key := context.Background(), "{"+room+"}:s:"+w.id
			read := groupRead(b, client, key, mailboxes)
			redisTime(b, client, func() {
				for i := range b.N {
					sendOne(b, e, w, i)
					got, err := client.XReadGroup(ctx, read).Result()
					if err != nil || len(got) != 1 || len(got[0].Messages) != 1 {
						b.Fatalf("%v, %v", got, err)
					}
					id := got[0].Messages[0].ID
					_, err = client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
						pipe.XAck(ctx, key, "g", id)
						pipe.XDel(ctx, key, id)
						return nil
					})
					must0(b, err)
				}
			})
		})
	}
}

// groupRead reads the mailbox at key together with others that stay empty, as an instance with so many clients would.
func groupRead(b *testing.B, client redis.UniversalClient, key string, mailboxes int) *redis.XReadGroupArgs {
	b.Helper()
	keys := []string{key}
	for len(keys) < mailboxes {
		other := "{" + newRoom() + "}:s:" + newClient()
		must0(b, client.XGroupCreateMkStream(context.Background(), other, "g", "0").Err())
		keys = append(keys, other)
	}
	after := make([]string, len(keys))
	for i := range after {
		after[i] = ">"
	}
	return &redis.XReadGroupArgs{Group: "g", Consumer: "c", Streams: append(keys, after...), Count: 1, Block: -1}
}

func sendOne(b *testing.B, from, to *member, i int) {
	b.Helper()
	m := from.message(to.id, 'c', strconv.Itoa(i))
	m.Data = make([]byte, 400)
	if o := must(b, from.in.send(m)); o != streams.Stored {
		b.Fatalf("send: %d", o)
	}
}

// redisTime reports the processor time that Redis takes while work runs, divided by b.N.
func redisTime(b *testing.B, client redis.UniversalClient, work func()) {
	b.Helper()
	before := processorTime(b, client)
	b.ResetTimer()
	work()
	b.StopTimer()
	b.ReportMetric((processorTime(b, client)-before)*1e6/float64(b.N), "redis-µs/op")
}

// processorTime is what Redis has used so far, in seconds.
func processorTime(b *testing.B, client redis.UniversalClient) (seconds float64) {
	b.Helper()
	info, err := client.Info(context.Background(), "cpu").Result()
	must0(b, err)
	for line := range strings.Lines(info) {
		for _, field := range []string{"used_cpu_sys:", "used_cpu_user:"} {
			if text, ok := strings.CutPrefix(line, field); ok {
				v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
				must0(b, err)
				seconds += v
			}
		}
	}
	return seconds
}
