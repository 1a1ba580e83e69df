package streams_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rejoin-dev/rejoin/streams"
)

// note is a message as the model knows it. Its fate is decided once.
type note struct {
	name, from, to string
	kind           byte
	id             streams.EntryID
	size           int
	fate           fate
}

type fate string

const (
	waiting     fate = "waiting"
	acked       fate = "acknowledged"
	superseded  fate = "superseded"
	undelivered fate = "undelivered"
	expired     fate = "expired"
	claimed     fate = "acknowledged by a client that never got it"
)

// seat is a session as the model knows it.
type seat struct {
	id, sid, inst string
	role          string
	dialect       byte
	keep, live    bool
	over          bool // suspended, and its window is over
	token, older  string
	epoch, next   uint64 // of the next entry
	last          streams.EntryID
	joined        int
	box           []*note
	ring          []uint64
	answered      uint64   // its last message that was answered for good
	held          []string // reports of what was not delivered, for when it is back
	told          int      // how many of them its connection was opened with
	late          []string // those of them whose time was over
}

// modelRoom is what lua/*.lua should do, in plain words: it answers what each step has to answer, and collects the
// doorbells that have to ring, by instance.
type modelRoom struct {
	name  string
	limit streams.Options
	roles []string // that its clients of rejoin.v1 have
	seats map[string]*seat
	count int // of joins
	dead  map[string]bool
	bells map[string][]string
	notes []*note
	ended []string // the last sessions that were, while the room has any
}

func (r *modelRoom) ring(inst, format string, args ...any) {
	if !r.dead[inst] {
		r.bells[inst] = append(r.bells[inst], fmt.Sprintf(format, args...))
	}
}

func (r *modelRoom) sorted() []*seat {
	var list []*seat
	for _, s := range r.seats {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *seat) int { return cmp.Compare(a.joined, b.joined) })
	return list
}

// sides are the source and the target of a role.
func sides(role string) (source, target string) {
	switch role {
	case wallet:
		return "wallet", "extension"
	case extension:
		return "extension", "wallet"
	}
	source, target, _ = strings.Cut(role, ">")
	return source, target
}

// arePeers: each's source is the other's target, and none is its own peer.
func arePeers(a, b *seat) bool {
	sourceA, targetA := sides(a.role)
	sourceB, targetB := sides(b.role)
	return a != b && sourceA == targetB && targetA == sourceB
}

// tell rings at every instance that holds a live peer and returns those that are dead.
func (r *modelRoom) tell(of *seat, text string) map[string]bool {
	rung, deaf := map[string]bool{}, map[string]bool{}
	for _, s := range r.seats {
		if arePeers(s, of) && s.live && !rung[s.inst] {
			rung[s.inst] = true
			r.ring(s.inst, "%s", text)
			deaf[s.inst] = r.dead[s.inst]
		}
	}
	return deaf
}

func (r *modelRoom) announce(kind string, s *seat) {
	r.bury(r.tell(s, kind+" "+s.id+" "+s.sid+" "+s.inst), s.inst)
}

func (r *modelRoom) bury(deaf map[string]bool, asking string) {
	for _, s := range r.sorted() {
		if deaf[s.inst] && s.inst != asking && s.live {
			r.suspend(s) // in doubt: it may be subscribing again
		}
	}
}

func (r *modelRoom) lapse(s *seat) {
	if !s.keep {
		r.remove(s, "left")
		return
	}
	r.suspend(s)
}

func (r *modelRoom) suspend(s *seat) {
	s.live, s.over = false, false
	r.tell(s, "s "+s.id)
}

func (r *modelRoom) remove(s *seat, why string) {
	delete(r.seats, s.id)
	r.ended = append(r.ended, s.id)
	r.ended = r.ended[max(0, len(r.ended)-32):]
	var list []string
	for _, n := range s.box {
		n.fate = undelivered
		list = append(list, n.from+"/"+n.name)
	}
	r.tell(s, "l "+s.id+" "+why+" "+strings.Join(list, ","))
	for _, n := range s.box {
		if f := r.seats[n.from]; f != nil && f.dialect == rejoin { // also one that is there: it may be stalled, or dead
			f.held = append(f.held, s.id+"/"+n.name)
		}
	}
}

// overdue ends the time of a message that waits for a client that is away.
func (r *modelRoom) overdue(s *seat, name string) {
	i := slices.IndexFunc(s.box, func(n *note) bool { return n.name == name })
	n := s.box[i]
	n.fate = expired
	s.box = slices.Delete(s.box, i, i+1)
	f, item := r.seats[n.from], s.id+"/"+n.name
	f.held, f.late = append(f.held, item), append(f.late, item)
	if f.live {
		r.ring(f.inst, "u %s %s %s", f.id, f.sid, item)
	}
}

// toldLate forgets such a message, of which its sender knows.
func (s *seat) toldLate(item string) {
	s.late = slices.DeleteFunc(s.late, func(l string) bool { return l == item })
	if i := slices.Index(s.held, item); i >= 0 {
		s.held = slices.Delete(s.held, i, i+1)
		if i < s.told {
			s.told--
		}
	}
}

func (r *modelRoom) freeUpTo(s *seat, id streams.EntryID) {
	for len(s.box) > 0 && s.box[0].id.Compare(id) <= 0 {
		s.box[0].fate = acked
		s.box = s.box[1:]
	}
}

func (s *seat) spoken() {
	if s.older != "" {
		s.older, s.held, s.told = "", s.held[s.told:], 0
	}
}

// verdict is what an attach has to answer.
type verdict struct {
	verdict    streams.Verdict
	refusal    streams.Refusal
	client     string // "": the new one
	superseded int
	held       []string
	probed     []string // sessions
}

func (r *modelRoom) attach(a streams.Attach, inst string, slow bool) verdict {
	for _, s := range r.sorted() {
		if !s.live && s.over && s.sid != a.Session {
			r.remove(s, "over")
		}
	}
	for _, s := range r.sorted() {
		if s.sid == a.Session {
			return r.again(s, a)
		}
	}
	if a.Resume == "" {
		if a.Dialect == plain && a.Keep {
			s, probed := r.takeable(a, inst)
			if probed != nil {
				return verdict{verdict: streams.Contested, probed: probed}
			}
			if s != nil {
				return r.come(s, a, inst, "", "")
			}
		}
		return r.fresh(a, inst, streams.NotRefused)
	}
	s := r.seats[a.Resume]
	if s == nil {
		return r.fresh(a, inst, streams.RefusedUnknown)
	}
	good := a.ResumeHash != "" && (a.ResumeHash == s.token || a.ResumeHash == s.older && !slow)
	switch {
	case s.role != a.Role || s.dialect != rejoin || !good:
		return r.fresh(a, inst, streams.RefusedMismatch)
	case a.ResumeHash != s.token && a.Holder != s.sid:
		return verdict{verdict: streams.Held, probed: []string{s.sid}}
	case a.After.Compare(s.last) > 0:
		r.ring(s.inst, "f %s %s", s.id, s.sid)
		r.remove(s, "left")
		return r.fresh(a, inst, streams.RefusedLost)
	}
	return r.come(s, a, inst, a.ResumedHash, a.ResumeHash)
}

func (r *modelRoom) again(s *seat, a streams.Attach) verdict {
	if !s.live {
		s.live = true
		r.announce("r", s)
	}
	if s.id == a.NewClient {
		return verdict{verdict: streams.Fresh, client: s.id, held: s.held}
	}
	return verdict{verdict: streams.Resumed, client: s.id, held: s.held}
}

func (r *modelRoom) fresh(a streams.Attach, inst string, why streams.Refusal) verdict {
	if len(r.seats) >= r.limit.RoomClients {
		return verdict{verdict: streams.RoomFull}
	}
	r.count++
	s := &seat{
		id: a.NewClient, sid: a.Session, inst: inst, role: a.Role, dialect: a.Dialect, keep: a.Keep, live: true,
		token: a.TokenHash, joined: r.count,
	}
	r.seats[s.id] = s
	r.announce("j", s)
	return verdict{verdict: streams.Fresh, refusal: why, client: s.id}
}

func (r *modelRoom) come(s *seat, a streams.Attach, inst, token, older string) verdict {
	r.freeUpTo(s, a.After)
	dropped := r.supersede(s)
	r.ring(s.inst, "f %s %s", s.id, s.sid)
	s.live, s.over, s.inst, s.sid, s.token, s.older = true, false, inst, a.Session, token, older
	r.announce("r", s)
	s.told = len(s.held)
	return verdict{verdict: streams.Resumed, client: s.id, superseded: dropped, held: s.held}
}

func (r *modelRoom) takeable(a streams.Attach, inst string) (taken *seat, probed []string) {
	for _, ref := range a.Dead {
		if s := r.seats[ref.Client]; s != nil && s.live && s.sid == ref.Session {
			r.lapse(s)
		}
	}
	var waits, lives []*seat
	for _, s := range r.sorted() {
		switch {
		case s.role != a.Role || s.dialect != plain || !s.keep:
		case !s.live:
			waits = append(waits, s)
		case !a.Probed && r.dead[s.inst] && s.inst != inst:
			r.lapse(s)
			waits = append(waits, s)
		default:
			lives = append(lives, s)
		}
	}
	if !a.Probed && len(lives) > 0 {
		for _, s := range lives {
			r.ring(s.inst, "p %s %s", s.id, s.sid)
			probed = append(probed, s.sid)
		}
		return nil, probed
	}
	if len(lives) == 0 && len(waits) == 1 {
		return waits[0], nil
	}
	return nil, nil
}

// supersede follows PROTOCOL.md part 3: by sender, all offers but the last, with the candidates behind each up to
// the next offer or answer; and everything of senders that left.
func (r *modelRoom) supersede(s *seat) int {
	var rest []*note
	for i, n := range s.box {
		drop := r.seats[n.from] == nil
		if n.kind != 'a' && n.kind != 'm' && !drop {
			offer := -1 // the offer it is, or belongs to
			for j := i; j >= 0 && offer < 0; j-- {
				if b := s.box[j]; b.from == n.from {
					if b.kind == 'a' {
						break
					} else if b.kind == 'o' {
						offer = j
					}
				}
			}
			later := slices.ContainsFunc(s.box[i+1:], func(b *note) bool { return b.from == n.from && b.kind == 'o' })
			drop = offer >= 0 && later
		}
		if drop {
			n.fate = superseded
		} else {
			rest = append(rest, n)
		}
	}
	dropped := len(s.box) - len(rest)
	s.box = rest
	return dropped
}

func (r *modelRoom) send(from, sid, to, name string, m *streams.Message, size int) (o streams.Outcome, unheard func()) {
	s := r.seats[from]
	if s == nil || s.sid != sid {
		return streams.SenderFenced, nil
	}
	s.spoken()
	s.answered = m.Fingerprint
	if slices.Contains(s.ring, m.Fingerprint) {
		return streams.StoredBefore, nil
	}
	t := r.seats[to]
	if t == nil || !arePeers(s, t) || !t.live && t.over {
		return streams.Missing, nil
	}
	if m.Beyond && t.dialect == plain {
		return streams.BeyondPlain, nil
	}
	bytes := size
	for _, n := range t.box {
		bytes += n.size
	}
	if len(t.box) >= r.limit.MailboxEntries || bytes > r.limit.MailboxBytes {
		return streams.MailboxFull, nil
	}
	n := &note{name: name, from: from, to: to, kind: m.Kind, id: streams.EntryID{Epoch: t.epoch, Seq: t.next}, size: size, fate: waiting}
	t.next++
	t.last, t.box, r.notes = n.id, append(t.box, n), append(r.notes, n)
	s.ring = append(s.ring, m.Fingerprint)
	s.ring = s.ring[max(0, len(s.ring)-streams.RingSize):]
	if t.live {
		r.ring(t.inst, "d %s %v %s", t.id, n.id, n.name)
		if r.dead[t.inst] {
			unheard = func() { r.bury(map[string]bool{t.inst: true}, s.inst) }
		}
	}
	return streams.Stored, unheard
}

// holder returns the seat if the session is still its.
func (r *modelRoom) holder(id, sid string) (*seat, streams.Holding) {
	s := r.seats[id]
	switch {
	case s == nil:
		return nil, streams.HoldingGone
	case s.sid != sid:
		return nil, streams.HoldingFenced
	}
	return s, streams.HoldingOurs
}

// synced is what Sync says of a session.
func (r *modelRoom) synced(id, sid string) streams.Holding {
	_, hold := r.holder(id, sid)
	if hold == streams.HoldingGone && slices.Contains(r.ended, id) {
		return streams.HoldingEnded
	}
	return hold
}

// settle is what becomes of a room when a step that ends sessions is over.
func (r *modelRoom) settle() {
	if len(r.seats) == 0 {
		r.ended = nil
	}
}

func (r *modelRoom) revive(s *seat, announce func(string, *seat)) {
	if !s.live {
		s.live, s.over = true, false
		announce("r", s)
	}
}
