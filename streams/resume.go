package streams

import (
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// resuming is a pending Attach with a token. The waiting entries are read by an XRANGE after the script, in the same round trip, because
// reading them in the script takes Redis five times as long. If any of them might not be deliverable, the call is repeated: then the script
// reads them itself, and deletes those that are not.
type resuming struct {
	b    *Backbone
	a    Attach
	args []any
	done func(Attached, error)
	link string // from the first answer: the second no longer has it
}

func (b *Backbone) resume(a Attach, done func(Attached, error)) {
	r := &resuming{b: b, a: a, done: done, args: b.attachArgs(&a)}
	r.call(true)
}

func (r *resuming) call(quick bool) {
	a, waited := &r.a, new(int64)
	args := append(r.args[:len(r.args):len(r.args)], a.Resume, dash(a.ResumeHash), idOrDash(a.After), waited, dash(a.ResumedHash), dash(a.Holder))
	if !quick {
		r.b.pipelines.Put(r.b.attachCall(resumeScript, a, args, waited, r.b.attachReply(a.Room, "-", func(again Attached, err error) {
			again.Link = r.link
			r.done(again, err)
		})))
		return
	}
	box := string(appendMailboxKey(nil, a.Room, a.Resume))
	read := redis.NewCmd(bg, "XRANGE", box, "-", "+", "COUNT", r.b.opt.PageEntries+1)
	c := r.b.attachCall(resumeScript, a, append(args, "1"), waited, func(cmd *redis.Cmd, err error) {
		if err != nil {
			r.done(Attached{}, err)
			return
		}
		r.answered(cmd.Val(), read)
	})
	c.Read = read
	r.b.pipelines.Put(c)
}

func (r *resuming) answered(v any, read *redis.Cmd) {
	var found found
	a, ended, err := parseAttached(r.a.Room, v, func(now int64) []Entry {
		found.read(read)
		found.now = now
		return found.entries
	})
	r.b.reportEnds(r.a.Room, ended)
	switch {
	case err != nil || found.now == 0:
	case found.err != nil || found.dubious(a.Peers):
		r.link = a.Link
		r.call(false)
		return
	case len(found.entries) > r.b.opt.PageEntries: // some of them arrived since
		a.Entries, a.More = found.entries[:r.b.opt.PageEntries], true
	}
	a.Nonce = "-"
	r.done(a, err)
}

// found is the result of an XRANGE after a script.
type found struct {
	now     int64 // of Redis, Unix ms; 0: the script read the mailbox itself
	entries []Entry
	due     int64 // when the first of those entries expires, Unix ms; 0: never
	err     error
}

// read reads the reply of XRANGE: {{entry ID, {'b', body, 't', trace, 'd', when its time is over}}, …}; see page in lua/lib.lua.
func (f *found) read(cmd *redis.Cmd) {
	list, err := cmd.Slice()
	if err != nil {
		f.err = err
		return
	}
	f.entries = make([]Entry, 0, len(list))
	for _, v := range list {
		in := reader{list: asList(v)}
		e := Entry{ID: in.id()}
		fields := asList(in.next())
		for i := 0; i+1 < len(fields); i += 2 {
			value, _ := fields[i+1].(string)
			switch fields[i] {
			case "b":
				e.Body = Body(value)
			case "t":
				e.Trace = value
			case "d":
				if ms, err := strconv.ParseInt(value, 10, 64); err == nil && (f.due == 0 || ms < f.due) {
					f.due = ms
				}
			}
		}
		if in.err != nil || !e.Body.Valid() {
			f.err = errBody
			return
		}
		f.entries = append(f.entries, e)
	}
}

// dubious reports whether any entry might not be deliverable: its TTL is over, its sender has left, or the sender has two offers, so that
// the later one may supersede it. See supersede in lua/session.lua.
func (f *found) dubious(peers []Peer) bool {
	if f.due != 0 && f.due <= f.now {
		return true
	}
	offers := map[string]bool{}
	for _, e := range f.entries {
		from := e.Body.From()
		there := from == Server || slices.ContainsFunc(peers, func(p Peer) bool { return p.Client == from })
		if !there || e.Body.Kind() == 'o' && offers[from] {
			return true
		}
		if e.Body.Kind() == 'o' {
			offers[from] = true
		}
	}
	return false
}
