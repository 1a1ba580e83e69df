package streams

import (
	"errors"
	"fmt"
	"strings"
)

// Body is a message as a mailbox stores it and a doorbell carries it: one string, so that an entry has one field and a script cuts out the
// part it needs.
//
//	kind(1) sender(36) length of request ID(7 digits) request ID data
//
// Kind 'o' is an offer, 'a' an answer, 'm' belongs to neither; all else counts as a candidate of the one before it. (Earlier versions
// count 'm' as one, too.)
type Body string

const (
	clientLen   = 36
	digits      = 7
	bodyHeadLen = 1 + clientLen + digits
)

// MaxRequestID is the longest request ID that a Body can hold, bytes.
const MaxRequestID = 9_999_999

var errBody = errors.New("malformed message body")

// AppendBody appends a Body. from has 36 bytes, requestID at most MaxRequestID.
func AppendBody(dst []byte, kind byte, from, requestID, data []byte) []byte {
	dst = append(dst, kind)
	dst = append(dst, from...)
	var text [digits]byte
	n := len(requestID)
	for i := digits - 1; i >= 0; i-- {
		text[i] = byte('0' + n%10)
		n /= 10
	}
	dst = append(dst, text[:]...)
	dst = append(dst, requestID...)
	return append(dst, data...)
}

// Valid reports whether b is well-formed, so that its parts may be read.
func (b Body) Valid() bool {
	if len(b) < bodyHeadLen {
		return false
	}
	n, ok := parseLen(string(b[1+clientLen : bodyHeadLen]))
	return ok && bodyHeadLen+n <= len(b)
}

// parseLen reads decimal digits only: strconv would also accept a sign.
func parseLen(s string) (n int, ok bool) {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// Kind returns the first byte.
func (b Body) Kind() byte { return b[0] }

// From returns the sender's client ID.
func (b Body) From() string { return string(b[1 : 1+clientLen]) }

// RequestID returns the request ID as its sender wrote it.
func (b Body) RequestID() string { return string(b[bodyHeadLen : bodyHeadLen+b.requestLen()]) }

// Data returns the message.
func (b Body) Data() string { return string(b[bodyHeadLen+b.requestLen():]) }

func (b Body) requestLen() int {
	n, _ := parseLen(string(b[1+clientLen : bodyHeadLen]))
	return n
}

// Undelivered is a message that its receiver never acknowledged.
type Undelivered struct {
	Client    string // the other end: its sender in a 'left' doorbell, else its receiver
	RequestID string
	// Late: its TTL was over. (Its receiver may be there.)
	Late bool
}

// undeliveredCut marks the end of a truncated list: CUT of lua/lib.lua.
var undeliveredCut = strings.Repeat("*", clientLen) + strings.Repeat("0", digits)

// Other markers in a kept list, in place of a client ID: TOLD and LATE of lua/lib.lua.
var (
	undeliveredTold = strings.Repeat("=", clientLen)
	undeliveredLate = strings.Repeat("!", clientLen)
)

// parseKept reads a list that lua/lib.lua keeps for a sender. cut reports that there was more.
func parseKept(s string) (list []Undelivered, cut bool, err error) {
	s, cut = strings.CutSuffix(s, undeliveredCut)
	all, err := parseUndelivered(s)
	for i, u := range all {
		if u.Client != undeliveredLate && u.Client != undeliveredTold {
			u.Late = i > 0 && all[i-1].Client == undeliveredLate
			list = append(list, u)
		}
	}
	return list, cut, err
}

// appendKept appends a message in the form of such a list.
func (u Undelivered) appendKept(dst []byte) []byte {
	return append(fmt.Appendf(append(dst, u.Client...), "%0*d", digits, len(u.RequestID)), u.RequestID...)
}

// parseUndelivered reads <client><7 digits><request ID>…, as lua/lib.lua's undelivered writes it.
func parseUndelivered(s string) ([]Undelivered, error) {
	var list []Undelivered
	for len(s) > 0 {
		if len(s) < clientLen+digits {
			return nil, errBody
		}
		n, ok := parseLen(s[clientLen : clientLen+digits])
		if !ok || clientLen+digits+n > len(s) {
			return nil, errBody
		}
		list = append(list, Undelivered{Client: s[:clientLen], RequestID: s[clientLen+digits : clientLen+digits+n]})
		s = s[clientLen+digits+n:]
	}
	return list, nil
}
