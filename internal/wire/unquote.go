package wire

import (
	"unicode/utf16"
	"unicode/utf8"
)

// appendUnquoted appends what the inside of a valid JSON string stands for. Half a surrogate pair, which no
// UTF-8 can hold, becomes U+FFFD.
func appendUnquoted(dst, inside []byte) []byte {
	for i := 0; i < len(inside); i++ {
		c := inside[i]
		if c != '\\' {
			dst = append(dst, c)
			continue
		}
		i++
		if inside[i] != 'u' {
			dst = append(dst, unescape(inside[i]))
			continue
		}
		r := hexRune(inside[i+1:])
		i += 4
		if utf16.IsSurrogate(r) {
			pair := utf16.DecodeRune(r, escapedRune(inside[i+1:]))
			if pair != utf8.RuneError {
				i += 6
			}
			r = pair
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// unescape returns what a one letter escape stands for.
func unescape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// escapedRune returns the code unit of the \u escape that text begins with, U+FFFD when there is none.
func escapedRune(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return utf8.RuneError
	}
	return hexRune(text[2:])
}

// hexRune returns the value of the four hex digits that text begins with.
func hexRune(text []byte) rune {
	var r rune
	for _, c := range text[:4] {
		r = r<<4 | rune(hexValue(c))
	}
	return r
}
