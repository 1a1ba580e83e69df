package peerjs

import (
	"bytes"
	"encoding/json"
)

// object reads the members of a JSON object whose text is known to be valid, without looking into their values. encoding/json would take
// "DST" for "dst", and would copy a payload.
type object struct{ rest []byte }

// open passes over the opening brace, and reports false if the value is no object.
func (o *object) open() bool {
	o.space()
	if len(o.rest) == 0 || o.rest[0] != '{' {
		return false
	}
	o.rest = o.rest[1:]
	return true
}

func (o *object) space() { o.rest = bytes.TrimLeft(o.rest, " \t\r\n") }

// members calls yield for each member, in order.
func (o *object) members(yield func(name string, value []byte) bool) {
	for {
		if o.space(); o.rest[0] == '}' {
			return
		}
		quoted := o.value()
		o.space()
		o.rest = o.rest[1:] // the colon
		o.space()
		value := o.value()
		if !yield(nameOf(quoted), value) {
			return
		}
		if o.space(); o.rest[0] == ',' {
			o.rest = o.rest[1:]
		}
	}
}

// nameOf is what a JSON string stands for, without memory of its own where nothing is escaped.
func nameOf(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	var s string
	_ = json.Unmarshal(quoted, &s) // it is valid
	return s
}

// value cuts off one value.
func (o *object) value() []byte {
	n, depth := 0, 0
	for {
		switch c := o.rest[n]; c {
		case '"':
			n += stringLen(o.rest[n:])
		case '{', '[':
			depth++
			n++
		case '}', ']':
			depth--
			n++
		case ',', ':', ' ', '\t', '\r', '\n':
			n++
		default:
			n += scalarLen(o.rest[n:])
		}
		if depth == 0 {
			value := o.rest[:n:n]
			o.rest = o.rest[n:]
			return value
		}
	}
}

// stringLen is the length of the string that b begins with.
func stringLen(b []byte) int {
	for i := 1; ; i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// scalarLen is the length of the number or word that b begins with.
func scalarLen(b []byte) int {
	if n := bytes.IndexAny(b, ",:]} \t\r\n"); n >= 0 {
		return n
	}
	return len(b)
}
