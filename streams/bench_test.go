package streams_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/streams"
)

func eachPlace(b *testing.B, bench func(b *testing.B, p *place)) {
	b.Run("embedded", func(b *testing.B) { bench(b, &place{embedded: true}) })
	b.Run("server", func(b *testing.B) { bench(b, &place{url: redistest.Server(b)}) })
}

// inFlight runs n steps, at most width at once: step calls done when it is over, from wherever.
func inFlight(n, width int, step func(i int, done func())) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, width)
	over := func() {
		<-slots
		wg.Done()
	}
	for i := range n {
		slots <- struct{}{}
		wg.Add(1)
		step(i, over)
	}
	wg.Wait()
}

// BenchmarkSend is a message of 1 KiB from call to answer, doorbell included; every 64th is followed by an acknowledgement.
// The doorbells are received by the same process, which counts.
func BenchmarkSend(b *testing.B) {
	eachPlace(b, func(b *testing.B, p *place) {
		big := func(o *streams.Options) { o.MailboxEntries, o.MailboxBytes = 4096, 16<<20 }
		in := p.open(b, big)
		for _, width := range []int{1, 256} {
			b.Run(fmt.Sprintf("width=%d", width), func(b *testing.B) { benchSend(b, in, benchedSend{size: 1024, width: width}) })
		}
		b.Run("width=256,away", func(b *testing.B) { benchSend(b, in, benchedSend{size: 1024, width: 256, away: true}) }) // no doorbell: the sender's side alone
	})
}

type benchedSend struct {
	size, width int
	away        bool // the target has no connection
}

func benchSend(b *testing.B, in *instance, what benchedSend) {
	room := newRoom()
	e, w := in.join(b, room, extension, plain), in.join(b, room, wallet, rejoin)
	if what.away {
		w.drop(b)
	}
	m := e.message(w.id, 'c', "0")
	m.Data, m.Fingerprint = make([]byte, what.size), 0
	sent := make(chan struct{}, what.width)
	for range what.width {
		sent <- struct{}{}
	}
	done := func(o streams.Outcome, err error) {
		if err != nil || o != streams.Stored {
			b.Errorf("send: %d, %v", o, err)
		}
		sent <- struct{}{}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		<-sent
		m.Before, m.Fingerprint = m.Fingerprint, uint64(i+1)*0x9e3779b97f4a7c15 // as a client's messages follow one another
		in.Send(m, done)
		if i%64 == 63 {
			in.Ack(w.ref(), streams.Position{UpTo: w.seq(uint64(i))}, func(streams.Holding, error) {})
			in.take()
		}
	}
	for range what.width {
		<-sent
	}
}

// BenchmarkDriver is what go-redis alone takes for calls like those of BenchmarkSend: the difference is ours.
func BenchmarkDriver(b *testing.B) {
	p := &place{url: redistest.Server(b)}
	opt, err := streams.ParseURL(p.url)
	if err != nil {
		b.Fatal(err)
	}
	opt.Protocol, opt.MaxRetries, opt.PipelinePoolSize = 2, -1, -1
	client := redis.NewUniversalClient(opt)
	defer client.Close()
	ctx := context.Background()
	script := redis.NewScript("return 'S'")
	if err := script.Load(ctx, client).Err(); err != nil {
		b.Fatal(err)
	}
	data, key, n := string(make([]byte, 1024)), "{"+newRoom()+"}:m", "256"
	args := []any{"EVALSHA", script.Hash(), "2", key, &key, &n, &n, &n, &n, &data, &n, &n, &n, &n, &n}
	for _, width := range []int{1, 128} {
		b.Run(fmt.Sprintf("width=%d", width), func(b *testing.B) {
			pipe := client.Pipeline()
			b.ReportAllocs()
			for i := range b.N {
				_ = pipe.Process(ctx, redis.NewCmd(ctx, args...))
				if i%width == width-1 || i == b.N-1 {
					if _, err := pipe.Exec(ctx); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkAttachDetach is a client that joins, is lost, comes back and leaves: four steps.
func BenchmarkAttachDetach(b *testing.B) {
	eachPlace(b, func(b *testing.B, p *place) {
		in := p.open(b)
		b.ReportAllocs()
		b.ResetTimer()
		inFlight(b.N, 64, func(_ int, done func()) {
			a := request(newRoom(), wallet, rejoin, true)
			in.Attach(a, func(got streams.Attached, err error) {
				if err != nil || got.Verdict != streams.Fresh {
					b.Errorf("attach: %+v, %v", got, err)
				}
				ref := streams.SessionRef{Room: a.Room, Client: a.NewClient, Session: a.Session}
				in.Detach(ref, streams.Disconnect{}, func(streams.Holding, error) {})
				again := a
				again.Session, again.Resume, again.ResumeHash, again.ResumedHash = streams.NewSession(), a.NewClient, a.TokenHash, "tok"
				in.Attach(again, func(got streams.Attached, err error) {
					if err != nil || got.Verdict != streams.Resumed {
						b.Errorf("resume: %+v, %v", got, err)
					}
					ref.Session = again.Session
					in.Leave(ref, streams.Disconnect{}, func(bool, error) { done() })
				})
			})
		})
	})
}

// BenchmarkResume20 is a resume that finds 20 messages of 300 bytes.
func BenchmarkResume20(b *testing.B) {
	eachPlace(b, func(b *testing.B, p *place) {
		in, room := p.open(b), newRoom()
		e, w := in.join(b, room, extension, rejoin), in.join(b, room, wallet, rejoin)
		for i := range 20 {
			m := e.message(w.id, 'c', fmt.Sprint(i))
			m.Data = binary.AppendUvarint(make([]byte, 300), uint64(i))
			must(b, in.send(m))
		}
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			if w = w.resume(b, in, streams.EntryID{}); len(w.got.Entries) != 20 {
				b.Fatalf("%d entries", len(w.got.Entries))
			}
		}
	})
}
