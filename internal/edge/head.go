package edge

import (
	"bytes"
	"strings"
)

// head is a request head (RFC 9112), as far as it matters here. Fields alias the bytes it was read from.
type head struct {
	method, target []byte
	http10         bool
	hosts          int
	body           bool // it announces one

	upgrade    bool // Upgrade holds websocket
	connection bool // Connection holds upgrade
	versions   int
	version    []byte
	keys       int
	key        []byte
	origins    int
	origin     []byte
	protocols  []string
	forwarded  []string // values of X-Forwarded-For
}

// headEnd returns the length of the head that b begins with, its blank line included, or -1. A line may end in
// a bare line feed here: parseHead refuses it then, which is better than to wait for more.
func headEnd(b []byte, from int) int {
	for i := max(0, from-3); i < len(b); {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return -1
		}
		i += n + 1
		if i < len(b) && b[i] == '\n' {
			return i + 1
		}
		if i+1 < len(b) && b[i] == '\r' && b[i+1] == '\n' {
			return i + 2
		}
	}
	return -1
}

// parseHead reads a complete head. It reports false for what is no HTTP/1 request.
func parseHead(b []byte) (h head, ok bool) {
	line, b, ok := cutLine(b)
	if !ok || !h.requestLine(line) {
		return h, false
	}
	for {
		line, b, ok = cutLine(b)
		if !ok {
			return h, false
		}
		if len(line) == 0 {
			return h, len(b) == 0
		}
		name, value, ok := bytes.Cut(line, []byte{':'})
		if !ok || !isToken(name) {
			return h, false // also for a folded line, RFC 9112 section 5.2
		}
		value = bytes.Trim(value, " \t")
		if !isFieldValue(value) {
			return h, false
		}
		h.field(name, value)
	}
}

// cutLine cuts off a line, which has to end in CR LF.
func cutLine(b []byte) (line, rest []byte, ok bool) {
	line, rest, ok = bytes.Cut(b, []byte{'\n'})
	if !ok || len(line) == 0 || line[len(line)-1] != '\r' {
		return nil, nil, false
	}
	return line[:len(line)-1], rest, true
}

// requestLine reads a request line (RFC 9112 section 3). HTTP/1.1 and what may follow it are the same here.
func (h *head) requestLine(line []byte) bool {
	var rest, version []byte
	var ok bool
	if h.method, rest, ok = bytes.Cut(line, []byte{' '}); !ok {
		return false
	}
	if h.target, version, ok = bytes.Cut(rest, []byte{' '}); !ok {
		return false
	}
	minor, ok := bytes.CutPrefix(version, []byte("HTTP/1."))
	if !ok || len(minor) != 1 || minor[0] < '0' || minor[0] > '9' {
		return false
	}
	h.http10 = minor[0] == '0'
	for _, c := range h.target {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	return len(h.target) > 0 && isToken(h.method)
}

// field takes note of one header field.
func (h *head) field(name, value []byte) {
	switch {
	case is(name, "Host"):
		h.hosts++
	case is(name, "Content-Length"):
		h.body = h.body || string(value) != "0"
	case is(name, "Transfer-Encoding"):
		h.body = true
	case is(name, "Upgrade"):
		h.upgrade = h.upgrade || listHolds(value, "websocket")
	case is(name, "Connection"):
		h.connection = h.connection || listHolds(value, "upgrade")
	case is(name, "Sec-WebSocket-Version"):
		h.versions++
		h.version = value
	case is(name, "Sec-WebSocket-Key"):
		h.keys++
		h.key = value
	case is(name, "Sec-WebSocket-Protocol"):
		h.protocols = append(h.protocols, string(value))
	case is(name, "X-Forwarded-For"):
		h.forwarded = append(h.forwarded, string(value))
	case is(name, "Origin"):
		h.origins++
		h.origin = value
	}
}

// is compares a field name, whose case does not matter.
func is(name []byte, want string) bool {
	return len(name) == len(want) && strings.EqualFold(string(name), want)
}

// listHolds is whether a comma separated list has the element, whatever its case.
func listHolds(list []byte, element string) bool {
	for len(list) > 0 {
		var one []byte
		one, list, _ = bytes.Cut(list, []byte{','})
		if strings.EqualFold(string(bytes.Trim(one, " \t")), element) {
			return true
		}
	}
	return false
}

// isToken is whether b is a token (RFC 9110 section 5.6.2).
func isToken(b []byte) bool {
	for _, c := range b {
		alphanumeric := '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
		if !alphanumeric && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return len(b) > 0
}

// isFieldValue is whether b has no control characters but tabs (RFC 9110 section 5.5).
func isFieldValue(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
