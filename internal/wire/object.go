package wire

import "bytes"

// EachMember tells the members of a JSON object in order: their names, and the text of their values. Both are good until text changes. It reports
// false, perhaps after some of them, if text is no JSON object, as a Decoder accepts them.
func EachMember(text []byte, member func(name, value []byte)) bool {
	var s scanner
	s.reset(trimSpace(text))
	return kindOf(s.peek()) == kindObject && s.readObject(func(name []byte, v value) {
		if bytes.IndexByte(name, '\\') >= 0 {
			name = appendUnquoted(nil, name)
		}
		member(name, s.text[v.start:v.end:v.end])
	}) && s.atEnd()
}

// readObject passes over an object, which is not inside another one. It tells each member: its name, given without its quotes but with its
// escapes, and where its value is.
func (s *scanner) readObject(member func(name []byte, v value)) bool {
	s.pos++
	s.skipSpace()
	if s.accept('}') {
		return true
	}
	for {
		name, ok := s.name()
		if !ok {
			return false
		}
		v := value{start: s.pos, kind: kindOf(s.peek())}
		if !s.skipValue(1) {
			return false
		}
		v.end = s.pos
		member(name, v)
		s.skipSpace()
		if s.accept('}') {
			return true
		}
		if !s.accept(',') {
			return false
		}
		s.skipSpace()
	}
}
