package history_test

import (
	"slices"
	"testing"
	"time"

	. "github.com/rejoin-dev/rejoin/e2e/chaos/history"
)

// One room: a wallet and an extension on rejoin.v1, and one of each in the plain dialect, where the wallet is kept.
var members = []Member{
	{Name: "w", Room: "r", Role: "wallet"},
	{Name: "e", Room: "r", Role: "extension"},
	{Name: "pw", Room: "p", Role: "wallet", Plain: true, Kept: true},
	{Name: "pe", Room: "p", Role: "extension", Plain: true},
	{Name: "pw+", Room: "p", Role: "wallet", Plain: true, Kept: true}, // pw when its token was revoked
}

// settled is when all are back; event i of a script happens at i seconds, those of the ending behind it.
const settled = 100 * time.Second

func open(member string, conn int, self string, resumed bool, peers ...string) Event {
	return Event{Kind: Opened, Member: member, Conn: conn, Self: self, Resumed: resumed, Peers: peers}
}

func at(kind Kind, member string, conn int, peer, message string) Event {
	return Event{Kind: kind, Member: member, Conn: conn, Peer: peer, Message: message}
}

// limited is a message from e to W that may be delivered for so many seconds.
func limited(message string, seconds int) Event {
	return Event{Kind: Sent, Member: "e", Conn: 1, Peer: "W", Message: message, TTL: time.Duration(seconds) * time.Second}
}

// meeting opens all four; W, E, PW and PE are their client IDs.
func meeting() []Event {
	return []Event{
		open("w", 1, "W", false), open("e", 1, "E", false, "W"), at(Announced, "w", 1, "E", ""),
		open("pw", 1, "", false), open("pe", 1, "", false), at(Announced, "pw", 1, "PE", ""), at(Announced, "pe", 1, "PW", ""),
	}
}

// pass is a message that arrives.
func pass(from, to string, conn int, self, peer, message string) []Event {
	return []Event{
		at(Sent, from, 1, peer, message), at(Confirmed, from, 1, "", message), at(Delivered, to, conn, self, message), at(Acked, to, conn, self, message),
	}
}

// farewell is the exchange behind settled, on the given connections of w, e, pw and pe.
func farewell(conns ...int) []Event {
	var list []Event
	for i, d := range [][4]string{{"w", "e", "W", "E"}, {"e", "w", "E", "W"}, {"pw", "pe", "PW", "PE"}, {"pe", "pw", "PE", "PW"}} {
		to := map[int]int{0: 1, 1: 0, 2: 3, 3: 2}[i]
		list = append(list,
			at(Sent, d[0], conns[i], d[3], "last "+d[0]), at(Confirmed, d[0], conns[i], "", "last "+d[0]),
			at(Delivered, d[1], conns[to], d[2], "last "+d[0]))
	}
	return list
}

func stamp(script, ending []Event) []Event {
	for i := range script {
		script[i].At = time.Duration(i+1) * time.Second
	}
	for i := range ending {
		ending[i].At = settled + time.Duration(i+1)*time.Second
	}
	return append(script, ending...)
}

func join(parts ...[]Event) []Event { return slices.Concat(parts...) }

// histories are a script behind meeting, the connections each member has at the end, and the laws that it breaks.
var histories = []struct {
	name   string
	script []Event
	conns  []int
	broken []Law
	check  func(Verdict) bool
}{
	{
		name: "two attempts at once: the one that was seen first has the session",
		script: []Event{
			open("e", 2, "E", true, "W", "stray"),
			{Kind: Opened, Member: "e", Conn: 3, Self: "E", Resumed: true, Peers: []string{"W", "stray"}, Began: 1},
			at(Fenced, "e", 1, "", ""), at(Fenced, "e", 3, "", ""), at(Gone, "e", 2, "stray", ""),
		},
		conns: []int{1, 2, 1, 1},
	},
	{
		name: "two attempts at once: the one that is seen last opened before the other heard of an end",
		script: []Event{
			open("e", 2, "E", true, "W", "stray"), at(Fenced, "e", 1, "", ""), at(Gone, "e", 2, "stray", ""),
			{Kind: Opened, Member: "e", Conn: 3, Self: "E", Resumed: true, Peers: []string{"W", "stray"}, Began: 1},
			at(Fenced, "e", 3, "", ""),
		},
		conns: []int{1, 2, 1, 1},
	},
	{
		name: "two attempts at once: a ghost stays one",
		script: []Event{
			open("e", 2, "E", true, "W", "stray"),
			{Kind: Opened, Member: "e", Conn: 3, Self: "E", Resumed: true, Peers: []string{"W", "stray"}, Began: 1},
			at(Fenced, "e", 1, "", ""), at(Fenced, "e", 3, "", ""),
		},
		conns: []int{1, 2, 1, 1}, broken: []Law{End},
	},
	{name: "nothing wrong", script: join(pass("w", "e", 1, "W", "E", "1"), pass("pe", "pw", 1, "PE", "PW", "2"))},
	{
		name: "resumed, and replayed once",
		script: []Event{
			at(Sent, "e", 1, "W", "1"), at(Confirmed, "e", 1, "", "1"), open("w", 2, "W", true, "E"), at(Delivered, "w", 2, "E", "1"),
		},
		conns: []int{2, 1, 1, 1},
	},
	{
		name: "plain wallet hears it again on the next connection",
		script: join(pass("pe", "pw", 1, "PE", "PW", "1"), []Event{
			open("pw", 2, "", false), at(Announced, "pw", 2, "PE", ""), at(Delivered, "pw", 2, "PE", "1"),
		}),
		conns: []int{1, 1, 2, 1},
		check: func(v Verdict) bool { return v.Again == 1 && v.Duplicated == 0 },
	},
	{
		name: "and on the first one with its next token",
		script: join(pass("pe", "pw", 1, "PE", "PW", "1"), []Event{
			open("pw+", 1, "", false), at(Announced, "pw+", 1, "PE", ""), at(Delivered, "pw+", 1, "PE", "1"),
		}),
		broken: []Law{End, End}, // it is not there at the end
		check:  func(v Verdict) bool { return v.Again == 1 && v.Duplicated == 0 },
	},
	{
		name: "sent to a client that came back as a new one, which the plain sender knows",
		script: join(pass("pe", "pw", 1, "PE", "PW", "1"), []Event{
			at(Sent, "pw", 1, "PE", "2"), at(Confirmed, "pw", 1, "", "2"), open("pe", 2, "", false), at(Announced, "pe", 2, "PW", ""),
			at(Announced, "pw", 1, "PE2", ""), at(Sent, "pe", 2, "PW", "3"), at(Confirmed, "pe", 2, "", "3"), at(Delivered, "pw", 1, "PE2", "3"),
		}),
		conns: []int{1, 1, 1, 2},
		check: func(v Verdict) bool { return v.Told == 1 && v.Lost == 0 },
	},
	{
		name: "sent to the earlier client when the new one was already known, and lost",
		script: join(pass("pe", "pw", 1, "PE", "PW", "1"), []Event{
			open("pe", 2, "", false), at(Announced, "pe", 2, "PW", ""), at(Announced, "pw", 1, "PE2", ""),
			at(Sent, "pe", 2, "PW", "2"), at(Confirmed, "pe", 2, "", "2"), at(Delivered, "pw", 1, "PE2", "2"),
			at(Sent, "pw", 1, "PE", "3"), at(Confirmed, "pw", 1, "", "3"),
		}),
		conns:  []int{1, 1, 1, 2},
		broken: []Law{Delivery}, check: func(v Verdict) bool { return v.Lost == 1 },
	},
	{
		name:   "confirmed and lost",
		script: []Event{at(Sent, "e", 1, "W", "1"), at(Confirmed, "e", 1, "", "1")},
		broken: []Law{Delivery}, check: func(v Verdict) bool { return v.Lost == 1 },
	},
	{
		name:   "not confirmed, not delivered",
		script: []Event{at(Sent, "e", 1, "W", "1"), at(Refused, "e", 1, "", "1"), at(Sent, "e", 1, "W", "2"), at(Unanswered, "e", 1, "", "2")},
	},
	{
		name: "not delivered, and reported so",
		script: []Event{
			at(Sent, "e", 1, "W", "1"), at(Confirmed, "e", 1, "", "1"), at(Undelivered, "e", 1, "W", "1"), at(Gone, "e", 1, "W", ""),
		},
		broken: []Law{Presence, End}, // its farewell comes from a member that is gone, and no other is there
		check:  func(v Verdict) bool { return v.Told == 1 && v.Lost == 0 },
	},
	{
		name:   "its time is over, and the sender is told",
		script: []Event{limited("1", 2), at(Confirmed, "e", 1, "", "1"), at(Sent, "e", 1, "W", "2"), at(Expired, "e", 1, "W", "1")},
		check:  func(v Verdict) bool { return v.Told == 1 && v.Lost == 0 },
	},
	{
		name:   "its time is over, and its sender is not told",
		script: []Event{limited("1", 2), at(Confirmed, "e", 1, "", "1")},
		broken: []Law{Delivery}, check: func(v Verdict) bool { return v.Lost == 1 },
	},
	{
		name: "its sender has a new session before it could be told",
		script: []Event{
			limited("1", 2), at(Confirmed, "e", 1, "", "1"), open("e", 2, "E2", false, "W"), at(Gone, "w", 1, "E", ""), at(Announced, "w", 1, "E2", ""),
			at(Sent, "e", 2, "W", "2"), at(Confirmed, "e", 2, "", "2"), at(Delivered, "w", 1, "E2", "2"),
		},
		conns:  []int{1, 2, 1, 1},
		broken: []Law{Presence, End, End}, // its farewell comes from the session before
		check:  func(v Verdict) bool { return v.Told == 1 && v.Lost == 0 },
	},
	{
		name:   "told before its time is over",
		script: []Event{limited("1", 20), at(Confirmed, "e", 1, "", "1"), at(Expired, "e", 1, "W", "1")},
		broken: []Law{Delivery},
	},
	{
		name:   "told twice that its time is over",
		script: []Event{limited("1", 1), at(Confirmed, "e", 1, "", "1"), at(Expired, "e", 1, "W", "1"), at(Expired, "e", 1, "W", "1")},
		broken: []Law{Delivery},
	},
	{
		name: "told again on the next connection that its time is over: the one before may have been dead",
		script: []Event{
			limited("1", 1), at(Confirmed, "e", 1, "", "1"), at(Expired, "e", 1, "W", "1"), open("e", 2, "E", true, "W"), at(Expired, "e", 2, "W", "1"),
		},
		conns: []int{1, 2, 1, 1},
	},
	{
		name:   "told that its time is over, which it had not",
		script: []Event{at(Sent, "e", 1, "W", "1"), at(Confirmed, "e", 1, "", "1"), at(Expired, "e", 1, "W", "1")},
		broken: []Law{Delivery},
	},
	{
		name:   "told that its time is over, though acknowledged before a clean leave",
		script: join([]Event{limited("1", 1)}, pass("e", "w", 1, "E", "W", "1")[1:], []Event{at(Left, "w", 1, "", ""), at(Expired, "e", 1, "W", "1"), open("w", 2, "W", false, "E")}),
		conns:  []int{2, 1, 1, 1}, broken: []Law{Delivery},
	},
	{
		name: "lost when the store was replaced, and named as doubtful",
		script: []Event{
			at(Sent, "e", 1, "W", "1"), at(Confirmed, "e", 1, "", "1"), at(Doubted, "e", 1, "", "1"),
		},
		check: func(v Verdict) bool { return v.Told == 1 && v.Lost == 0 },
	},
	{
		name: "named as doubtful before it was confirmed, and lost",
		script: []Event{
			at(Sent, "e", 1, "W", "1"), at(Doubted, "e", 1, "", "1"), at(Confirmed, "e", 1, "", "1"),
		},
		broken: []Law{Delivery}, check: func(v Verdict) bool { return v.Lost == 1 },
	},
	{
		name: "gone, but a rejoin.v1 sender is not told what was not delivered",
		script: []Event{
			at(Sent, "e", 1, "W", "1"), at(Confirmed, "e", 1, "", "1"), at(Gone, "e", 1, "W", ""),
		},
		broken: []Law{Delivery, Presence, End}, check: func(v Verdict) bool { return v.Lost == 1 },
	},
	{
		name:   "reported undelivered, though acknowledged before a clean leave",
		script: join(pass("e", "w", 1, "E", "W", "1"), []Event{at(Left, "w", 1, "", ""), at(Undelivered, "e", 1, "W", "1"), open("w", 2, "W", false, "E")}),
		conns:  []int{2, 1, 1, 1}, broken: []Law{Delivery},
	},
	{
		name:   "delivered twice on rejoin.v1",
		script: join(pass("e", "w", 1, "E", "W", "1"), []Event{open("w", 2, "W", true, "E"), at(Delivered, "w", 2, "E", "1")}),
		conns:  []int{2, 1, 1, 1}, broken: []Law{Delivery}, check: func(v Verdict) bool { return v.Duplicated == 1 },
	},
	{
		name:   "delivered twice on one plain connection",
		script: join(pass("pe", "pw", 1, "PE", "PW", "1"), []Event{at(Delivered, "pw", 1, "PE", "1")}),
		broken: []Law{Delivery}, check: func(v Verdict) bool { return v.Duplicated == 1 },
	},
	{
		name: "delivered twice to a plain extension",
		script: join(pass("pw", "pe", 1, "PW", "PE", "1"), []Event{
			open("pe", 2, "", false), at(Announced, "pe", 2, "PW", ""), at(Delivered, "pe", 2, "PW", "1"),
		}),
		conns: []int{1, 1, 1, 2}, broken: []Law{Delivery}, check: func(v Verdict) bool { return v.Duplicated == 1 },
	},
	{name: "delivered, never sent", script: []Event{at(Delivered, "w", 1, "E", "1")}, broken: []Law{Delivery}},
	{name: "confirmed, never sent", script: []Event{at(Confirmed, "w", 1, "", "1")}, broken: []Law{Delivery}},
	{
		name:   "delivered into another room",
		script: []Event{at(Sent, "e", 1, "W", "1"), at(Announced, "pw", 1, "X", ""), at(Delivered, "pw", 1, "X", "1"), at(Gone, "pw", 1, "X", "")},
		broken: []Law{Delivery},
	},
	{
		name: "out of order",
		script: []Event{
			at(Sent, "e", 1, "W", "1"), at(Sent, "e", 1, "W", "2"), at(Delivered, "w", 1, "E", "2"), at(Delivered, "w", 1, "E", "1"),
		},
		broken: []Law{Order}, check: func(v Verdict) bool { return v.OutOfOrder == 1 },
	},
	{
		name: "out of order over a resume",
		script: []Event{
			at(Sent, "e", 1, "W", "1"), at(Sent, "e", 1, "W", "2"), at(Delivered, "w", 1, "E", "2"), open("w", 2, "W", true, "E"), at(Delivered, "w", 2, "E", "1"),
		},
		conns: []int{2, 1, 1, 1}, broken: []Law{Order},
	},
	{
		name: "out of order within a plain replay",
		script: []Event{
			at(Sent, "pe", 1, "PW", "1"), at(Sent, "pe", 1, "PW", "2"), open("pw", 2, "", false), at(Announced, "pw", 2, "PE", ""),
			at(Delivered, "pw", 2, "PE", "2"), at(Delivered, "pw", 2, "PE", "1"),
		},
		conns: []int{1, 1, 2, 1}, broken: []Law{Order},
	},
	{
		name: "data before the announcement",
		script: []Event{
			open("pw", 2, "", false), at(Sent, "pe", 1, "PW", "1"), at(Delivered, "pw", 2, "PE", "1"), at(Announced, "pw", 2, "PE", ""),
		},
		conns: []int{1, 1, 2, 1}, broken: []Law{Presence},
	},
	{
		name: "data after gone", // its farewell comes from who is gone, too
		script: []Event{
			at(Sent, "e", 1, "W", "1"), at(Gone, "w", 1, "E", ""), at(Delivered, "w", 1, "E", "1"),
		},
		broken: []Law{Presence, Presence, End},
	},
	{name: "announced twice", script: []Event{at(Announced, "pe", 1, "PW", "")}, broken: []Law{Presence}},
	{name: "gone, never announced", script: []Event{at(Gone, "w", 1, "X", "")}, broken: []Law{Presence}},
	{
		name:   "announced after it was gone",
		script: []Event{at(Announced, "w", 1, "X", ""), at(Gone, "w", 1, "X", ""), at(Announced, "w", 1, "X", "")},
		broken: []Law{Presence, End}, // and it stays as a ghost
	},
	{
		name:   "there on a resume after it was gone",
		script: []Event{at(Announced, "w", 1, "X", ""), at(Gone, "w", 1, "X", ""), open("w", 2, "W", true, "E", "X")},
		conns:  []int{2, 1, 1, 1}, broken: []Law{Presence, End},
	},
	{
		name:   "ended twice",
		script: []Event{at(Announced, "w", 1, "X", ""), at(Gone, "w", 1, "X", ""), at(Gone, "w", 1, "X", "")},
		broken: []Law{End},
	},
	{name: "never ended: a ghost", script: []Event{at(Announced, "w", 1, "X", "")}, broken: []Law{End}},
	{name: "plain clients are not told of an end when a newer peer is there", script: []Event{at(Announced, "pe", 1, "X", "")}},
	{name: "resumed as another client", script: []Event{open("w", 2, "X", true, "E")}, conns: []int{2, 1, 1, 1}, broken: []Law{End}},
	{
		name:   "a fenced connection receives",
		script: []Event{open("w", 2, "W", true, "E"), at(Sent, "e", 1, "W", "1"), at(Delivered, "w", 1, "E", "1")},
		conns:  []int{2, 1, 1, 1}, broken: []Law{Fence},
	},
	{
		name:   "a fenced connection receives what was on its way already",
		script: []Event{at(Sent, "e", 1, "W", "1"), open("w", 2, "W", true, "E"), at(Delivered, "w", 1, "E", "1")},
		conns:  []int{2, 1, 1, 1},
	},
	{
		name:   "a fenced connection sends",
		script: []Event{open("w", 2, "W", true, "E"), at(Sent, "w", 1, "E", "1"), at(Confirmed, "w", 1, "", "1"), at(Delivered, "e", 1, "W", "1")},
		conns:  []int{2, 1, 1, 1}, broken: []Law{Fence},
	},
}

// TestBrokenHistories: each kind of broken history is caught, by the law it breaks, and those that are not broken pass.
func TestBrokenHistories(t *testing.T) {
	t.Parallel()
	for _, h := range histories {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			conns := h.conns
			if conns == nil {
				conns = []int{1, 1, 1, 1}
			}
			v := Check(members, stamp(join(meeting(), h.script), farewell(conns...)), settled)
			var laws []Law
			for _, x := range v.Violations {
				laws = append(laws, x.Law)
			}
			got, want := slices.Sorted(slices.Values(laws)), slices.Sorted(slices.Values(h.broken))
			if !slices.Equal(got, want) {
				t.Errorf("broken: %q, want %q\n%v", got, want, v.Violations)
			}
			if h.check != nil && !h.check(v) {
				t.Errorf("counts: %+v", v)
			}
		})
	}
}

// TestSilence: members that hear of no peer once everything has settled are a failure, whatever the counts say.
func TestSilence(t *testing.T) {
	t.Parallel()
	if v := Check(members, stamp(meeting(), nil), settled); len(v.Violations) == 0 || v.Violations[0].Law != End {
		t.Errorf("got %v", v.Violations)
	}
}

// What a receiver could not read before its sender left is told from what was lost while the sender goes on.
func TestLeftUnread(t *testing.T) {
	sent := []Event{at(Sent, "pe", 1, "PW", "1"), at(Confirmed, "pe", 1, "", "1")}
	left := []Event{at(Left, "pe", 0, "", "")}
	for name, test := range map[string]struct {
		events []Event
		want   bool
	}{
		"its sender has left":             {join(sent, left), true},
		"its sender has a new identity":   {join(sent, []Event{open("pe", 2, "", false)}), true},
		"its sender is there":             {sent, false},
		"its sender has come back":        {join(sent, []Event{open("pe", 2, "E", true)}), false},
		"a later one has arrived":         {join(sent, pass("pe", "pw", 1, "PE", "PW", "2"), left), false},
		"a later one arrives behind that": {join(sent, []Event{at(Sent, "pe", 1, "PW", "2")}, left, []Event{at(Delivered, "pw", 1, "PE", "2")}), false},
		"it was never sent":               {left, false},
	} {
		t.Run(name, func(t *testing.T) {
			events := stamp(test.events, nil)
			if sent, ended, ok := LeftUnread(events, "1"); ok != test.want || ok && ended <= sent {
				t.Errorf("%t, sent at %v, ended at %v", ok, sent, ended)
			}
		})
	}
}

// Peers are those whose roles are each other's targets: equals are, two viewers are not.
func TestWhoIsAPeer(t *testing.T) {
	t.Parallel()
	peer, host, viewer := [2]string{"peer", "peer"}, [2]string{"host", "viewer"}, [2]string{"viewer", "host"}
	for _, c := range []struct {
		from, to [2]string
		fine     bool
	}{{peer, peer, true}, {host, viewer, true}, {viewer, host, true}, {viewer, viewer, false}, {host, peer, false}, {[2]string{"wallet", ""}, [2]string{"wallet", ""}, false}} {
		members := []Member{{Name: "a", Room: "r", Role: c.from[0], Target: c.from[1]}, {Name: "b", Room: "r", Role: c.to[0], Target: c.to[1]}}
		events := []Event{
			{At: 1, Kind: Opened, Member: "a", Conn: 1, Self: "A", Peers: []string{"B"}},
			{At: 2, Kind: Opened, Member: "b", Conn: 1, Self: "B", Peers: []string{"A"}},
			{At: 3, Kind: Sent, Member: "a", Conn: 1, Peer: "B", Message: "m"},
			{At: 4, Kind: Delivered, Member: "b", Conn: 1, Peer: "A", Message: "m"},
		}
		wrong := false
		for _, v := range Check(members, events, 0).Violations {
			wrong = wrong || v.Law == Delivery
		}
		if wrong == c.fine {
			t.Errorf("%v to %v: fine %v", c.from, c.to, !wrong)
		}
	}
}
