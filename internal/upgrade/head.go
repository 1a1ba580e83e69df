package upgrade

import (
	"bytes"
	"strings"
)

// Request is the head of a request (RFC 9112), as far as the server looks at it. Its byte slices are parts of what [Parse] was given.
// The head is read once, here: no code behind it reads the bytes again by rules of its own.
type Request struct {
	Key       []byte   // Sec-WebSocket-Key
	Protocols []string // values of Sec-WebSocket-Protocol, one a line
	Forwarded []string // values of X-Forwarded-For, one a line
	Bearer    []byte   // token of the first Authorization: Bearer

	method, target []byte
	http10         bool
	hosts          int
	body           bool // it announces one

	upgrade    bool // Upgrade lists websocket
	connection bool // Connection lists upgrade
	versions   int
	version    []byte
	keys       int
	origins    int
	origin     []byte
}

// IsHead reports whether the method is HEAD, whose responses have no body.
func (r *Request) IsHead() bool { return string(r.method) == "HEAD" }

// maxEmptyLines is how many empty lines may come before a request. RFC 9112 section 2.2 asks for one: some clients end a body with
// an extra CR LF.
const maxEmptyLines = 4

// emptyLines returns how many bytes of empty lines b begins with.
func emptyLines(b []byte) int {
	n := 0
	for n < 2*maxEmptyLines && n+1 < len(b) && b[n] == '\r' && b[n+1] == '\n' {
		n += 2
	}
	return n
}

// HeadEnd returns the length of the head that b begins with, its blank line included, or -1 if it is incomplete. The first from bytes
// have been searched before. A line may end in a bare line feed here: Parse refuses it then, which is better than to wait for more.
func HeadEnd(b []byte, from int) int {
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

// Parse reads a complete head. It reports false if that is not an HTTP/1 request.
func Parse(head []byte) (r Request, ok bool) {
	line, head, ok := cutLine(head[emptyLines(head):])
	if !ok || !r.requestLine(line) {
		return r, false
	}
	for {
		line, head, ok = cutLine(head)
		if !ok {
			return r, false
		}
		if len(line) == 0 {
			return r, len(head) == 0
		}
		name, value, ok := bytes.Cut(line, []byte{':'})
		if !ok || !isToken(name) {
			return r, false // also for a folded line, RFC 9112 section 5.2
		}
		value = bytes.Trim(value, " \t")
		if !isFieldValue(value) {
			return r, false
		}
		r.field(name, value)
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

// requestLine reads a request line (RFC 9112 section 3). HTTP/1.1 and any later minor version are treated alike.
func (r *Request) requestLine(line []byte) bool {
	var rest, version []byte
	var ok bool
	if r.method, rest, ok = bytes.Cut(line, []byte{' '}); !ok {
		return false
	}
	if r.target, version, ok = bytes.Cut(rest, []byte{' '}); !ok {
		return false
	}
	minor, ok := bytes.CutPrefix(version, []byte("HTTP/1."))
	if !ok || len(minor) != 1 || minor[0] < '0' || minor[0] > '9' {
		return false
	}
	r.http10 = minor[0] == '0'
	for _, c := range r.target {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	return len(r.target) > 0 && isToken(r.method)
}

// field records one header field. Fields that are lists may come in several lines (RFC 9110 section 5.3).
func (r *Request) field(name, value []byte) {
	switch {
	case is(name, "Host"):
		r.hosts++
		if !isHost(value) {
			r.hosts++ // as bad as a second one
		}
	case is(name, "Content-Length"):
		r.body = r.body || string(value) != "0"
	case is(name, "Transfer-Encoding"):
		r.body = true
	case is(name, "Upgrade"):
		r.upgrade = r.upgrade || listHolds(value, "websocket")
	case is(name, "Connection"):
		r.connection = r.connection || listHolds(value, "upgrade")
	case is(name, "Sec-WebSocket-Version"):
		r.versions++
		r.version = value
	case is(name, "Sec-WebSocket-Key"):
		r.keys++
		r.Key = value
	case is(name, "Sec-WebSocket-Protocol"):
		r.Protocols = append(r.Protocols, string(value))
	case is(name, "Authorization"):
		if scheme, token, ok := bytes.Cut(value, []byte{' '}); ok && is(scheme, "Bearer") && r.Bearer == nil {
			r.Bearer = bytes.TrimLeft(token, " ")
		}
	case is(name, "X-Forwarded-For"):
		r.Forwarded = append(r.Forwarded, string(value))
	case is(name, "Origin"):
		r.origins++
		r.origin = value
	}
}

// is compares a field name or a token, both of which are case-insensitive.
func is(b []byte, want string) bool {
	return len(b) == len(want) && strings.EqualFold(string(b), want)
}

// listHolds reports whether a comma-separated list has the element, in any case. Elements may be empty (RFC 9110 section 5.6.1), and
// a comma inside a quoted string does not separate (section 5.6.4).
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

// isHost reports whether a Host is a single name with or without a port. It is only as strict as is needed so that no other server can
// read a different host from it (RFC 9112 section 3.2).
func isHost(value []byte) bool { return !bytes.ContainsAny(value, " \t,/?#@\\\"<>") }

// isToken reports whether b is a token (RFC 9110 section 5.6.2).
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

// isFieldValue reports whether b has no control characters except tabs (RFC 9110 section 5.5).
func isFieldValue(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
