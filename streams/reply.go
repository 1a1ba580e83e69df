package streams

import (
	"strconv"
	"time"
)

// reader parses a script's reply; the first error sticks.
type reader struct {
	list []any
	err  error
}

func asList(v any) []any {
	l, _ := v.([]any)
	return l
}

func (r *reader) next() any {
	if len(r.list) == 0 {
		r.err = errReply
		return nil
	}
	v := r.list[0]
	r.list = r.list[1:]
	return v
}

// peek returns the next value without consuming it, nil at the end.
func (r *reader) peek() any {
	if len(r.list) == 0 {
		return nil
	}
	return r.list[0]
}

func (r *reader) str() string {
	s, ok := r.next().(string)
	if !ok {
		r.err = errReply
	}
	return s
}

func (r *reader) int() int64 {
	n, ok := r.next().(int64)
	if !ok {
		r.err = errReply
	}
	return n
}

func (r *reader) uint() uint64 {
	n, err := strconv.ParseUint(r.str(), 10, 64)
	if err != nil {
		r.err = errReply
	}
	return n
}

func (r *reader) id() EntryID {
	id, err := parseEntryID(r.str())
	if err != nil {
		r.err = err
	}
	return id
}

func (r *reader) peers() []Peer {
	in := reader{list: asList(r.next())}
	if len(in.list) == 0 {
		return nil
	}
	peers := make([]Peer, 0, len(in.list)/8)
	for len(in.list) > 0 && in.err == nil {
		p := Peer{Client: in.str(), Suspended: in.str() == "S", Dialect: in.char(), Keep: in.str() == "1", Session: in.str(), Instance: in.str()}
		ms, err := strconv.ParseInt(in.str(), 10, 64)
		if err != nil {
			in.err = errReply
		}
		p.Left = time.Duration(ms) * time.Millisecond
		p.User = userOf(in.str())
		peers = append(peers, p)
	}
	if in.err != nil {
		r.err = in.err
	}
	return peers
}

func (r *reader) char() byte {
	s := r.str()
	if len(s) != 1 {
		r.err = errReply
		return 0
	}
	return s[0]
}

func (r *reader) entries() []Entry {
	in := reader{list: asList(r.next())}
	if len(in.list) == 0 {
		return nil
	}
	entries := make([]Entry, 0, len(in.list)/3)
	for len(in.list) > 0 && in.err == nil {
		e := Entry{ID: in.id(), Body: Body(in.str()), Trace: in.str()}
		if !e.Body.Valid() {
			in.err = errBody
			break
		}
		entries = append(entries, e)
	}
	if in.err != nil {
		r.err = in.err
	}
	return entries
}
