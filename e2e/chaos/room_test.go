package chaos_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/e2e/chaos/history"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// room is a room of the load.
type room struct {
	id string
	// tag is the hash tag of its keys in Redis.
	tag string
	// first is the member that a fault of single clients strikes: the wallet, one of the equals, the host.
	first  *actor
	others []*actor
}

func (r room) members() []*actor { return append([]*actor{r.first}, r.others...) }

// seat is a member of a room before it has a name.
type seat struct {
	role, target string // target "": the other of wallet and extension
	plain        bool
}

// roomKind lists the seats of a room, first is room.first.
type roomKind []seat

// String is the roles of a kind, as in wallet:plain+extension.
func (k roomKind) String() string {
	var names []string
	for _, s := range k {
		name := s.role
		if s.plain {
			name += ":plain"
		}
		names = append(names, name)
	}
	return strings.Join(names, "+")
}

// dialects are the combinations of a pair: is the wallet plain, is the extension?
var dialects = [][2]bool{{false, false}, {true, true}, {false, true}, {true, false}}

func pair(plain [2]bool) roomKind {
	return roomKind{{role: client.Wallet, plain: plain[0]}, {role: client.Extension, plain: plain[1]}}
}

var (
	equals = roomKind{{role: "peer", target: "peer"}, {role: "peer", target: "peer"}, {role: "peer", target: "peer"}}
	hosted = roomKind{{role: "host", target: "viewer"}, {role: "viewer", target: "host"}, {role: "viewer", target: "host"}}
)

// drawRooms returns what n rooms are, the same for the same seed: one of equals, one of a host and its viewers, and pairs, of each combination of
// dialects while there is place for them. The rest may be any.
func drawRooms(n int, seed uint64) []roomKind {
	rng := rand.New(rand.NewPCG(seed, 2))
	var pairs []roomKind
	for _, plain := range dialects {
		pairs = append(pairs, pair(plain))
	}
	rng.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
	drawn := slices.Concat([]roomKind{equals, hosted}, pairs)
	all := slices.Clone(drawn)
	for len(drawn) < n {
		drawn = append(drawn, all[rng.IntN(len(all))])
	}
	drawn = drawn[:n]
	rng.Shuffle(n, func(i, j int) { drawn[i], drawn[j] = drawn[j], drawn[i] })
	return drawn
}

// newRoom makes the actors of a room, which have not joined yet. number tells rooms apart, and where each member connects first.
func (l *load) newRoom(number int, id string, kind roomKind, seed uint64) room {
	r := room{id: id, tag: kind.tag(id)}
	for i, s := range kind {
		name := fmt.Sprintf("%02d/%s", number, s.role)
		if slices.ContainsFunc(kind[:i], func(before seat) bool { return before.role == s.role }) {
			name += fmt.Sprintf("-%d", i+1)
		}
		a := l.actor(s.member(name, id), number+i, seed)
		if i == 0 {
			r.first = a
		} else {
			r.others = append(r.others, a)
		}
	}
	return r
}

// tag returns the hash tag of the keys of such a room.
func (k roomKind) tag(id string) string {
	ids, _ := wire.RoomIDs(id)
	if k[0].target == "" {
		return "{" + ids[0].String() + "}"
	}
	return "{" + ids[1].String() + "}"
}

func (s seat) member(name, room string) history.Member {
	return history.Member{Name: name, Room: room, Role: s.role, Target: s.target, Plain: s.plain, Kept: s.plain && s.role == client.Wallet}
}
