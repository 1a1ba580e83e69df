package wire

import (
	"bytes"
	"strings"
)

// Target is a request-target that was read.
type Target struct {
	// Path is decoded, has its leading slash, and neither dot segments, repeated slashes nor the base.
	Path []byte
	// Query is what stood behind the question mark, as it came.
	Query []byte
}

// ParseTarget reads a request-target as it stood on the request line: origin-form or absolute-form (RFC 9112 section 3.2). base
// is a path like /a/b that proxies in front may have put before the path; it is cut off where it is. The error is ErrMalformedTarget.
func ParseTarget(target []byte, base string) (Target, error) {
	path, query, err := splitTarget(target)
	if err != nil {
		return Target{}, err
	}
	if rest, ok := bytes.CutPrefix(path, []byte(base)); ok && (len(rest) == 0 || rest[0] == '/') {
		path = rest
	}
	return Target{path, query}, nil
}

// ParseBase returns a base for ParseTarget: a slash before it and none behind it, "" for one that is empty or only a slash. It
// reports false if it is no path that a target could have.
func ParseBase(text string) (base string, ok bool) {
	text = "/" + strings.Trim(text, "/")
	if strings.ContainsAny(text, "?#%\\ \t") {
		return "", false
	}
	t, err := ParseTarget([]byte(text), "")
	if err != nil || string(t.Path) != text {
		return "", false
	}
	return strings.TrimSuffix(text, "/"), true
}

// splitTarget returns the path of a request-target, decoded, without dot segments and repeated slashes and with its leading
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
	return removeDotSegments(collapseSlashes(path)), query, nil
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

// collapseSlashes makes one slash of several, as they come from clients that join a base and a path.
func collapseSlashes(path []byte) []byte {
	if !bytes.Contains(path, []byte("//")) {
		return path
	}
	clean := make([]byte, 0, len(path))
	for i, c := range path {
		if c != '/' || i == 0 || path[i-1] != '/' {
			clean = append(clean, c)
		}
	}
	return clean
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
