package streams_test

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/streams"
)

// FuzzSteps takes steps of every kind with arguments that no test author would think of, as far as callers can pass them: entry
// IDs, request IDs and data come from clients and may be anything; rooms, client IDs and sessions have their form, but
// need not be there. No script may fail, whatever it finds; every reply and every doorbell must be readable. R9, R22.
func FuzzSteps(f *testing.F) {
	for _, seed := range []string{
		"\x00\x00\x00\x01\x02\x00\x01o\x04\x00\x03\x00\x02\x04\x00\x00", // two join, one sends, acknowledges, syncs
		"\x00\x00\x00\x09\x02\x00\x01o\x02\x01\x00a\x05\x00\x00\x01\x00\x00\x07\x00",
		"\x00\x02\x00\x03\x02\x00\x01c\x04\x01\x04\x06\x00\x00\x08\x01\x04",
		"\x00\x0a\x00\x0a\x09\x0a\x02\x00\x00\x05\x00\x00\x0a\x00",
	} {
		f.Add([]byte(seed), []byte(`"1"`), []byte("data"))
	}
	places := []*stage{newStage(f, "")}
	if os.Getenv("REJOIN_SKIP_REDIS") != "1" {
		places = append(places, newStage(f, redistest.Server(f)))
	}
	f.Fuzz(func(t *testing.T, program, requestID, data []byte) {
		if len(program) > 200 {
			return
		}
		for _, s := range places {
			w := &walk{TB: t, stage: s, rest: program, room: newRoom(), requestID: requestID, data: data}
			for i := range w.clients {
				w.clients[i] = newClient()
			}
			for len(w.rest) > 0 {
				w.step()
			}
			w.tidy()
		}
	})
}

// stage is one Redis with two instances: bounds are small, and the grace windows of one are over at once.
type stage struct {
	*place
	instances [2]*instance
	metrics   *prometheus.Registry
}

func newStage(f *testing.F, url string) *stage {
	s := &stage{place: &place{url: url, embedded: url == ""}, metrics: prometheus.NewRegistry()}
	for i, grace := range []time.Duration{time.Minute, time.Millisecond} {
		s.instances[i] = s.open(f, func(o *streams.Options) {
			o.Grace, o.MailboxEntries, o.MailboxBytes, o.RoomClients, o.PageEntries, o.PageBytes = grace, 6, 4<<10, 4, 2, 600
			o.Registerer = prometheus.WrapRegistererWith(prometheus.Labels{"instance": string(rune('a' + i))}, s.metrics)
		})
	}
	s.client(f)
	return s
}

// badDoorbells counts the doorbells that could not be read.
func (s *stage) badDoorbells(t testing.TB) (n float64) {
	t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == "rejoin_redis_malformed_doorbells_total" {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

// walk reads a program byte by byte; when there are no more, they are zero.
type walk struct {
	testing.TB
	*stage
	rest            []byte
	room            string
	clients         [4]string // known from the start, be they there or not
	members         []*member // every connection there was
	requestID, data []byte
}

func (w *walk) next() byte {
	if len(w.rest) == 0 {
		return 0
	}
	b := w.rest[0]
	w.rest = w.rest[1:]
	return b
}

func (w *walk) number() uint64 {
	var b [8]byte
	n := copy(b[:], w.rest)
	w.rest = w.rest[n:]
	return binary.BigEndian.Uint64(b[:])
}

// position is one that a caller of Sync and Restore can have: up to where it has read, or thinks it has.
func (w *walk) position() streams.EntryID {
	m := w.member()
	switch n := w.next(); n % 3 {
	case 0:
		return streams.EntryID{}
	case 1:
		return m.got.Last
	default:
		return streams.EntryID{Epoch: m.got.Epoch + uint64(n/64), Seq: uint64(n / 3)}
	}
}

// id is an entry ID of any kind, as a client may send it.
func (w *walk) id() streams.EntryID {
	m := w.member()
	switch kind := w.next(); kind % 6 {
	case 0:
		return streams.EntryID{}
	case 1:
		return m.got.Last
	case 2:
		return streams.EntryID{Epoch: m.got.Epoch, Seq: uint64(kind / 6)}
	case 3:
		return streams.EntryID{Epoch: ^uint64(0), Seq: ^uint64(0) - uint64(kind/6)}
	case 4:
		return streams.EntryID{Epoch: m.got.Epoch + uint64(kind/6), Seq: w.number()}
	}
	return streams.EntryID{Epoch: w.number(), Seq: w.number()}
}

func (w *walk) instance() *instance { return w.instances[w.next()%2] }

func (w *walk) client() string { return w.clients[w.next()%4] }

// member is a connection that there was, or one that there never was.
func (w *walk) member() *member {
	if n := int(w.next()); n%8 < 7 && len(w.members) > 0 {
		return w.members[n/8%len(w.members)]
	}
	return &member{room: w.room, id: w.client(), session: streams.NewSession(), token: "tok"}
}

// step takes one step, which must not fail.
func (w *walk) step() {
	w.Helper()
	in := w.instance()
	switch w.next() % 10 {
	case 0, 1, 2:
		w.attach(in, w.request())
	case 3:
		a := w.request()
		from := w.member()
		if from.in != nil && w.next()%4 > 0 {
			a.Role, a.Dialect = from.role, from.dialect
		}
		a.Resume, a.ResumeHash, a.ResumedHash, a.After = from.id, from.token, "tok"+randomHex(4), w.id()
		w.attach(in, a)
	case 4, 5:
		w.send(in)
	case 6:
		took(w, in.ack(w.member().ref(), w.id()))
	case 7:
		entries(w, took(w, in.sync(w.member().ref(), w.position())).Entries)
	case 8:
		w.end(in)
	case 9:
		m := w.member()
		a := w.request()
		a.Resume, a.NewClient, a.Session, a.TokenHash, a.ResumeHash, a.After = m.id, m.id, m.session, m.token, "-", w.position()
		entries(w, took(w, in.restore(a)).Entries)
	}
}

// end is one of the ways in which a connection or a session ends.
func (w *walk) end(in *instance) {
	w.Helper()
	switch w.next() % 3 {
	case 0:
		took(w, in.detach(w.member().ref(), w.id()))
	case 1:
		took(w, in.leave(w.member().ref(), w.id()))
	case 2:
		took(w, in.expire(w.room, w.client()))
	}
}

// request is a new connection of any role and dialect, sometimes one that has probed the others.
func (w *walk) request() streams.Attach {
	bits := w.next()
	role, dialect := [2]string{wallet, extension}[bits&1], [2]byte{plain, rejoin}[bits>>1&1]
	if dialect == rejoin && bits>>6 > 0 {
		role = [2][3]string{{"host>viewer", "peer>peer", "peer>host"}, {"viewer>host", "peer>peer", "viewer>peer"}}[bits&1][bits>>6-1]
	}
	a := request(w.room, role, dialect, bits>>2&1 == 0)
	if bits>>3&1 == 0 {
		a.NewClient = w.client()
	}
	if a.Probed = bits>>4&1 == 1; a.Probed {
		m := w.member()
		a.Dead = []streams.SessionRef{m.ref()}
	}
	return a
}

func (w *walk) attach(in *instance, a streams.Attach) {
	w.Helper()
	got := took(w, in.attach(a))
	if got.Verdict == streams.Held && w.next()%4 > 0 {
		a.Holder = got.Contested[0].Session
		got = took(w, in.attach(a))
	}
	entries(w, got.Entries)
	if got.Client == "" {
		return // contested, or the room is full
	}
	m := &member{in: in, room: w.room, id: got.Client, session: a.Session, role: a.Role, dialect: a.Dialect, token: a.TokenHash, got: got}
	if got.Verdict == streams.Resumed {
		m.token = a.ResumedHash
	}
	w.members = append(w.members, m)
}

func (w *walk) send(in *instance) {
	w.Helper()
	from, to := w.member(), w.member()
	m := from.message(to.id, w.next(), string([]byte{w.next()}))
	m.RequestID, m.Data = w.requestID, w.data
	took(w, in.send(m))
}

// tidy reads what is left and removes the room, so that a million of them fit.
func (w *walk) tidy() {
	w.Helper()
	for _, in := range w.instances {
		in.rung(w, w.room)
	}
	if n := w.badDoorbells(w); n > 0 {
		w.Fatalf("%v doorbells could not be read", n)
	}
	keys := []string{"{" + w.room + "}:m"}
	for _, m := range w.members {
		keys = append(keys, "{"+w.room+"}:s:"+m.id)
	}
	if err := w.node(w, w.room).Del(context.Background(), keys...).Err(); err != nil {
		w.Fatal(err)
	}
}

// took waits for the answer of a step. A slow machine may run out of time, nothing else may go wrong.
func took[T any](w *walk, c <-chan answer[T]) T {
	w.Helper()
	v, err := end(w, c)
	if err != nil && !errors.Is(err, streams.ErrUnavailable) {
		w.Fatalf("step: %v", err)
	}
	return v
}

// entries takes messages apart.
func entries(w *walk, list []streams.Entry) {
	w.Helper()
	for _, e := range list {
		if e.Body.RequestID() != string(w.requestID) || e.Body.Data() != string(w.data) {
			w.Fatalf("stored %q %q, read %q", w.requestID, w.data, string(e.Body))
		}
	}
}
