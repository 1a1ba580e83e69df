package wire

import (
	"encoding/binary"
	"math/bits"
)

// skipScalar passes over a value that is no array and no object.
func (s *scanner) skipScalar() bool {
	switch kindOf(s.peek()) {
	case kindString:
		return s.skipString()
	case kindNumber:
		return s.skipNumber()
	case kindNull:
		return s.skipWord("null")
	case kindBoolean:
		return s.skipWord("true") || s.skipWord("false")
	}
	return false
}

func (s *scanner) skipWord(word string) bool {
	rest := s.text[s.pos:]
	if len(rest) < len(word) || string(rest[:len(word)]) != word {
		return false
	}
	s.pos += len(word)
	return true
}

// skipNumber passes over a number (RFC 8259 section 6).
func (s *scanner) skipNumber() bool {
	s.accept('-')
	if !s.accept('0') && !s.skipDigits() {
		return false
	}
	if s.accept('.') && !s.skipDigits() {
		return false
	}
	if s.accept('e') || s.accept('E') {
		if !s.accept('+') {
			s.accept('-')
		}
		return s.skipDigits()
	}
	return true
}

// skipDigits passes over digits, of which there must be one.
func (s *scanner) skipDigits() bool {
	start := s.pos
	for c := s.peek(); '0' <= c && c <= '9'; c = s.peek() {
		s.pos++
	}
	return s.pos > start
}

// skipString passes over a string; its opening quote is next.
func (s *scanner) skipString() bool {
	s.pos++
	for {
		s.skipPlain()
		switch c := s.peek(); {
		case c == '"':
			s.pos++
			return true
		case c == '\\':
			if !s.skipEscape() {
				return false
			}
		case c < ' ':
			return false // a control character, or the end
		default:
			s.high |= c
			s.pos++
		}
	}
}

// skipEscape passes over a backslash and what belongs to it.
func (s *scanner) skipEscape() bool {
	s.pos++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return true
	case 'u':
		rest := s.text[s.pos+1:]
		if len(rest) < 4 || hexValue(rest[0])|hexValue(rest[1])|hexValue(rest[2])|hexValue(rest[3]) > 0xf {
			return false
		}
		s.pos += 5
		return true
	}
	return false
}

// skipPlain passes over characters of a string eight at a time, up to a quote, a backslash, a control character or
// the last few bytes of the text. Payloads are long strings: this is where the time goes.
func (s *scanner) skipPlain() {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	var seen uint64
	text, pos := s.text, s.pos
	for pos+8 <= len(text) {
		word := binary.LittleEndian.Uint64(text[pos:])
		seen |= word // with what stands behind a stop: then UTF-8 is checked once too often
		// The usual test for a zero byte. Only bytes above a true hit can be false ones: the lowest is exact.
		quote, slash := word^(ones*'"'), word^(ones*'\\')
		stop := ((quote-ones)&^quote | (slash-ones)&^slash | (word-ones*' ')&^word) & highs
		if stop != 0 {
			pos += bits.TrailingZeros64(stop) / 8
			break
		}
		pos += 8
	}
	s.pos = pos
	if seen&highs != 0 {
		s.high |= 0x80
	}
}
