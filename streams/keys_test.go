package streams_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/streams"
)

// R18: keys return to zero; and none is without an end of its own, should all instances die.
func TestKeysGoWithTheirSessions(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		const grace = 50 * time.Second
		x, y, room := p.open(t, func(o *streams.Options) { o.Grace = grace }), p.open(t, func(o *streams.Options) { o.Grace = grace }), newRoom()
		lives := func(what string, room, box time.Duration, m *member) {
			t.Helper()
			for _, key := range p.keys(t, m.room) {
				most := room
				if strings.HasSuffix(key, m.id) {
					most = box
				} else if !strings.HasSuffix(key, ":m") {
					continue
				}
				ttl, err := p.node(t, m.room).PTTL(context.Background(), key).Result()
				if err != nil || ttl <= 0 || ttl > most || ttl < most-10*time.Second {
					t.Errorf("%s: %s lives %v (%v), want %v", what, key[len(key)-5:], ttl, err, most)
				}
			}
		}
		const after = grace + 30*time.Second
		e, w := x.join(t, room, extension, rejoin), y.join(t, room, wallet, rejoin)
		lives("held", time.Hour, time.Hour, w)
		e.send(t, w, 'c', "0")
		lives("after a send", time.Hour, time.Hour, w)
		w.drop(t)
		lives("one away", time.Hour, after, w)
		e.send(t, w, 'c', "2")
		lives("a send to one who is away", time.Hour, after, w)
		e.drop(t)
		lives("all away", after, after, w)
		w = w.resume(t, x, streams.EntryID{})
		lives("back", time.Hour, time.Hour, w)
		w.drop(t)
		p.elapse(t, room, e.id)
		must(t, y.expire(room, e.id))
		lives("one window over", after, after, w)
		p.elapse(t, room, w.id)
		must(t, y.expire(room, w.id))
		sameNames(t, p.keys(t, room))

		e, w = x.join(t, room, extension, plain), y.join(t, room, wallet, plain)
		e.send(t, w, 'c', "0")
		w.send(t, e, 'c', "0")
		e.drop(t) // has no window
		must(t, y.leave(w.ref(), streams.EntryID{}))
		sameNames(t, p.keys(t, room))
	})
}

// Sync keeps what is held alive.
func TestSyncRenewsTheKeys(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		x, room := p.open(t), newRoom()
		w := x.join(t, room, wallet, rejoin)
		ctx, node := context.Background(), p.node(t, room)
		for _, key := range p.keys(t, room) {
			if err := node.Expire(ctx, key, time.Minute).Err(); err != nil {
				t.Fatal(err)
			}
		}
		w.all(t, streams.EntryID{})
		for _, key := range p.keys(t, room) {
			if ttl := node.PTTL(ctx, key).Val(); ttl < 50*time.Minute {
				t.Errorf("%s lives %v", key[len(key)-5:], ttl)
			}
		}
	})
}
