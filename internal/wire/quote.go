package wire

import "unicode/utf8"

const hexDigits = "0123456789abcdef"

// AppendQuoted appends text as a JSON string, as JSON.stringify writes it.
func AppendQuoted(dst []byte, text string) []byte { return appendQuoted(dst, text) }

// appendQuoted appends text as a JSON string, escaped as JSON.stringify does it: quotes, backslashes and control
// characters, nothing else. Bytes that are not UTF-8 become U+FFFD, for a text frame must be UTF-8.
func appendQuoted[T string | []byte](dst []byte, text T) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(text); {
		c := text[i]
		if c >= utf8.RuneSelf {
			size := runeLen(text[i:])
			if size == 0 {
				dst = utf8.AppendRune(dst, utf8.RuneError)
				size = 1
			} else {
				dst = append(dst, text[i:i+size]...)
			}
			i += size
			continue
		}
		dst = appendEscaped(dst, c)
		i++
	}
	return append(dst, '"')
}

// runeLen returns the length of the character that text begins with, 0 when that is not UTF-8.
func runeLen[T string | []byte](text T) int {
	r, size := utf8.DecodeRune([]byte(text[:min(len(text), utf8.UTFMax)]))
	if r == utf8.RuneError && size <= 1 {
		return 0
	}
	return size
}

// appendEscaped appends one ASCII character of a JSON string.
func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	if c < ' ' {
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
	}
	return append(dst, c)
}
