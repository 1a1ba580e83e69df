package wire

// isSpace reports whether c is JSON's white space.
func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// trimSpace cuts white space off both ends.
func trimSpace(text []byte) []byte {
	for len(text) > 0 && isSpace(text[0]) {
		text = text[1:]
	}
	for len(text) > 0 && isSpace(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	return text
}

// appendCompact appends valid JSON text without the spaces between its tokens.
func appendCompact(dst, text []byte) []byte {
	var s scanner
	s.reset(text)
	for !s.atEnd() {
		start := s.pos
		if s.peek() == '"' {
			s.skipString()
		} else {
			s.pos++
		}
		if !isSpace(text[start]) {
			dst = append(dst, text[start:s.pos]...)
		}
	}
	return dst
}
