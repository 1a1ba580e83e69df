package streams

import (
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// ListedPeer is a connected PeerJS id, for the list of them.
type ListedPeer struct {
	Session string // 16 hex digits: for a moment, an id may also be listed by its previous connection
	ID      string
}

// ListPeers lists ids for that time, or with 0 removes them. There is no answer: callers list them again before the time is over.
func (b *Backbone) ListPeers(key string, peers []ListedPeer, lasts time.Duration) {
	for some := range slices.Chunk(peers, peersAtOnce) {
		args := append(make([]any, 0, 1+len(some)), lasts.Milliseconds())
		for _, p := range some {
			args = append(args, p.Session+p.ID)
		}
		b.pipelines.Put(b.newCall(peersScript, peersKey(key), func(*redis.Cmd, error) {}, args))
	}
}

const (
	peersAtOnce      = 512 // arguments of one call
	sessionNumberLen = 16
)

// Peers reads the listed ids, each once, at most 10,000.
func (b *Backbone) Peers(key string, done func(ids []string, err error)) {
	b.pipelines.Put(b.newCall(peersScript, peersKey(key), func(cmd *redis.Cmd, err error) {
		if err != nil {
			done(nil, err)
			return
		}
		ids, known := []string{}, map[string]bool{}
		for _, v := range asList(cmd.Val()) {
			text, _ := v.(string)
			if len(text) <= sessionNumberLen {
				continue
			}
			if id := text[sessionNumberLen:]; !known[id] {
				known[id] = true
				ids = append(ids, id)
			}
		}
		done(ids, nil)
	}, nil))
}
