package edge

import (
	"bytes"
	"strings"
)

// head is a request head (RFC 9112), as far as it matters here. Fields alias the bytes it was read from. It is read once, here:
// nothing behind it reads the bytes again with rules of its own.
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
	bearer     []byte   // token of an Authorization: Bearer, the first
}

// maxEmptyLines is how many there may be before a request. RFC 9112 section 2.2 asks for one: some clients end a body that they never
// announced with it.
const maxEmptyLines = 4

// emptyLines returns how many bytes of empty lines b begins with.
func emptyLines(b []byte) int {
	n := 0
	for n < 2*maxEmptyLines && n+1 < len(b) && b[n] == '\r' && b[n+1] == '\n' {
		n += 2
	}
	return n
}

// headEnd returns the length of the head that b begins with, its blank line included, or -1. A line may end in
// a bare line feed here: parseHead refuses it then, which is better than to wait for more.
func headEnd(b []byte, from int) int {
	for i := max(emptyLines(b), from-3); i < len(b); {
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

// parseHead reads a complete head. It reports false for what is not an HTTP/1 request.
func parseHead(b []byte) (h head, ok bool) {
	line, b, ok := cutLine(b[emptyLines(b):])
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

// field takes note of one header field. Fields that are lists may come in several lines (RFC 9110 section 5.3).
func (h *head) field(name, value []byte) {
	switch {
	case is(name, "Host"):
		h.hosts++
		if !isHost(value) {
			h.hosts++ // as bad as a second one
		}
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
	case is(name, "Authorization"):
		if scheme, token, ok := bytes.Cut(value, []byte{' '}); ok && is(scheme, "Bearer") && h.bearer == nil {
			h.bearer = bytes.TrimLeft(token, " ")
		}
	case is(name, "X-Forwarded-For"):
		h.forwarded = append(h.forwarded, string(value))
	case is(name, "Origin"):
		h.origins++
		h.origin = value
	}
}

// is compares a field name or a token, whose case does not matter.
func is(b []byte, want string) bool {
	return len(b) == len(want) && strings.EqualFold(string(b), want)
}

// listHolds is whether a comma separated list has the element, whatever its case. Elements may be empty (RFC 9110 section 5.6.1), and
// what stands in quotes is not taken apart (section 5.6.4).
func listHolds(list []byte, element string) bool {
	for len(list) > 0 {
		var one []byte
		one, list = cutElement(list)
		if is(bytes.Trim(one, " \t"), element) {
			return true
		}
	}
	return false
}

// cutElement cuts off the first element of a list.
func cutElement(list []byte) (one, rest []byte) {
	quoted := false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case c == ',' && !quoted:
			return list[:i], list[i+1:]
		}
	}
	return list, nil
}

// isHost is whether a Host is one name and may be a port, as far as nobody can read another one from it (RFC 9112 section 3.2).
func isHost(value []byte) bool { return !bytes.ContainsAny(value, " \t,/?#@\\\"<>") }

// isToken is whether b is a token (RFC 9110 section 5.6.2).
func isToken(b []byte) bool {
	for _, c := range b {
		if !isTokenByte(c) {
			return false
		}
	}
	return len(b) > 0
}

func isTokenByte(c byte) bool {
	alphanumeric := '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
	return alphanumeric || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
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
