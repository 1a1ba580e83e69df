package wire

// maxNesting is how many arrays and objects may be open at once, as in encoding/json.
const maxNesting = 10000

// scanner checks JSON text in one pass (RFC 8259). Its methods that report a bool return false when the text is not
// JSON, with pos anywhere.
type scanner struct {
	text []byte
	pos  int
	// spaced is whether there was space between two tokens.
	spaced bool
	// high is the bitwise or of what strings hold: at least 0x80 when one is not ASCII.
	high byte
	// objects has bit n set while what is open at depth n is an object, not an array. It stands in for
	// recursion, whose stack a client could otherwise grow.
	objects [maxNesting/64 + 1]uint64
}

// reset makes the scanner begin with text, which has no space around it.
func (s *scanner) reset(text []byte) { s.text, s.pos, s.spaced, s.high = text, 0, false, 0 }

// peek returns the next byte, 0 at the end: no token begins with that.
func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

// accept passes over c if it is next.
func (s *scanner) accept(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.pos++
	return true
}

func (s *scanner) atEnd() bool { return s.pos == len(s.text) }

// skipSpace passes over space between tokens.
func (s *scanner) skipSpace() {
	for isSpace(s.peek()) {
		s.pos++
		s.spaced = true
	}
}

// skipValue passes over one value that stands at that depth: inside so many arrays and objects.
func (s *scanner) skipValue(base int) bool {
	depth := base
	for {
		switch c := s.peek(); c {
		case '{', '[':
			if depth == maxNesting {
				return false
			}
			s.pos++
			depth++
			s.open(depth, c == '{')
			s.skipSpace()
			if c == '{' && s.peek() != '}' {
				if _, ok := s.name(); !ok {
					return false
				}
				continue
			}
			if c == '[' && s.peek() != ']' {
				continue
			}
		default:
			if !s.skipScalar() {
				return false
			}
		}
		var ok bool
		if depth, ok = s.skipClosings(depth, base); !ok || depth == base {
			return ok
		}
	}
}

// skipClosings passes over what may follow a value: closings, and then a comma, after which the next value is next
// (the name of a member is passed over too). It returns the new depth; at base, the outermost value is complete.
func (s *scanner) skipClosings(depth, base int) (int, bool) {
	for depth > base {
		s.skipSpace()
		object := s.isObject(depth)
		switch c := s.peek(); {
		case c == ',':
			s.pos++
			s.skipSpace()
			if object {
				_, ok := s.name()
				return depth, ok
			}
			return depth, true
		case c == '}' && object, c == ']' && !object:
			s.pos++
			depth--
		default:
			return depth, false
		}
	}
	return depth, true
}

// open notes what was opened at that depth.
func (s *scanner) open(depth int, object bool) {
	bit := uint64(1) << (depth % 64)
	if object {
		s.objects[depth/64] |= bit
	} else {
		s.objects[depth/64] &^= bit
	}
}

func (s *scanner) isObject(depth int) bool { return s.objects[depth/64]>>(depth%64)&1 != 0 }

// name passes over the name of a member and its colon, and returns the inside of its quotes.
func (s *scanner) name() ([]byte, bool) {
	start := s.pos + 1
	if s.peek() != '"' || !s.skipString() {
		return nil, false
	}
	end := s.pos - 1
	s.skipSpace()
	if !s.accept(':') {
		return nil, false
	}
	s.skipSpace()
	return s.text[start:end], true
}
