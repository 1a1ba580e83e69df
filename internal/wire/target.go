package wire

import "bytes"

// splitTarget returns the path of a request-target, decoded, without dot segments and with its leading
// slash, and its query as it came. A fragment has no place in a request-target; it is cut off, as URL parsers do.
func splitTarget(target []byte) (path, query []byte, err error) {
	if len(target) == 0 || target[0] != '/' {
		if target, err = trimAuthority(target); err != nil {
			return nil, nil, err
		}
	}
	target, _, _ = bytes.Cut(target, []byte{'#'})
	path, query, _ = bytes.Cut(target, []byte{'?'})
	path, ok := decodePath(path)
	if !ok {
		return nil, nil, ErrMalformedTarget
	}
	return removeDotSegments(path), query, nil
}

// trimAuthority cuts scheme and authority off an absolute-form target. What is left is empty or begins
// with a slash, a question mark or a number sign.
func trimAuthority(target []byte) ([]byte, error) {
	scheme, rest, found := bytes.Cut(target, []byte("://"))
	if !found || !isWebScheme(scheme) {
		return nil, ErrMalformedTarget
	}
	end := bytes.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	if end == 0 { // RFC 9110 section 4.2.1: an empty host is to be rejected
		return nil, ErrMalformedTarget
	}
	return rest[end:], nil
}

// isWebScheme reports whether scheme is one that can lead here, in any case.
func isWebScheme(scheme []byte) bool {
	for _, known := range [...]string{"http", "https", "ws", "wss"} {
		if bytes.EqualFold(scheme, []byte(known)) {
			return true
		}
	}
	return false
}

// removeDotSegments follows RFC 3986 section 5.2.4 for a path that is empty or absolute.
func removeDotSegments(path []byte) []byte {
	if !bytes.Contains(path, []byte("/.")) {
		return path
	}
	clean := make([]byte, 0, len(path))
	for len(path) > 0 {
		segment, rest := cutSegment(path)
		switch string(segment) {
		case "/.", "/..":
			if len(segment) == len("/..") {
				clean = clean[:max(bytes.LastIndexByte(clean, '/'), 0)]
			}
			if len(rest) == 0 { // a last dot segment leaves its slash behind
				clean = append(clean, '/')
			}
		default:
			clean = append(clean, segment...)
		}
		path = rest
	}
	return clean
}

// cutSegment splits path before its second slash.
func cutSegment(path []byte) (segment, rest []byte) {
	end := bytes.IndexByte(path[1:], '/')
	if end < 0 {
		return path, nil
	}
	return path[:end+1], path[end+1:]
}

// decodePath percent-decodes a path. It reports false when a percent sign is not followed by two hex digits.
func decodePath(path []byte) ([]byte, bool) {
	if bytes.IndexByte(path, '%') < 0 {
		return path, true
	}
	decoded := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' {
			var ok bool
			if c, ok = percentByte(path[i:]); !ok {
				return nil, false
			}
			i += 2
		}
		decoded = append(decoded, c)
	}
	return decoded, true
}

// decodeForm decodes a name or a value of a query as a form: a plus sign is a space, and a percent sign that
// begins no escape stands for itself.
func decodeForm(text []byte) []byte {
	if bytes.IndexByte(text, '%') < 0 && bytes.IndexByte(text, '+') < 0 {
		return text
	}
	decoded := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch c {
		case '+':
			c = ' '
		case '%':
			if b, ok := percentByte(text[i:]); ok {
				c = b
				i += 2
			}
		}
		decoded = append(decoded, c)
	}
	return decoded
}

// percentByte returns the byte behind the escape that text begins with.
func percentByte(text []byte) (byte, bool) {
	if len(text) < 3 {
		return 0, false
	}
	high, low := hexValue(text[1]), hexValue(text[2])
	if high|low > 0xf {
		return 0, false
	}
	return high<<4 | low, true
}
