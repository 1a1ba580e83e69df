package peerjs

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

// Type is what a message is for.
type Type string

// The types. All but Heartbeat are for another client.
const (
	Heartbeat Type = "HEARTBEAT"
	Offer     Type = "OFFER"
	Answer    Type = "ANSWER"
	Candidate Type = "CANDIDATE"
	Leave     Type = "LEAVE"
	Expire    Type = "EXPIRE"
)

// Waits reports whether a message is kept for a client that is not there yet.
func (t Type) Waits() bool { return t != Leave && t != Expire }

// Message is what a client sent.
type Message struct {
	Type Type
	// Dst is the id that the message is for, or empty. A Leave without one is the client's own goodbye.
	Dst string
	// Payload is a JSON value, nil for none; it shares the memory of what was decoded.
	Payload []byte
}

// Decode reads a message. It reports false for what PeerServer would pass over: text that is not JSON, or no object; a type that it does
// not know. It also passes over a dst that is not an id, which PeerServer would keep five seconds for a client that cannot come.
func Decode(raw []byte) (m Message, ok bool) {
	if !utf8.Valid(raw) { // a binary frame: what is relayed leaves as text
		raw = bytes.ToValidUTF8(raw, []byte("\uFFFD"))
	}
	var kind, dst []byte
	if !wire.EachMember(raw, func(name, value []byte) {
		switch string(name) {
		case "type":
			kind = value
		case "dst":
			dst = value
		case "payload":
			m.Payload = value
		}
	}) {
		return Message{}, false
	}
	var known bool
	if m.Type, known = typeOf(text(kind)); !known {
		return Message{}, false
	}
	m.Dst = text(dst)
	if m.Dst == "" && isFalsy(dst) {
		return m, true
	}
	return m, IsID(m.Dst)
}

func typeOf(text string) (Type, bool) {
	switch t := Type(text); t {
	case Heartbeat, Offer, Answer, Candidate, Leave, Expire:
		return t, true
	}
	return "", false
}

// text returns what a JSON string stands for, "" for any other value.
func text(value []byte) (s string) {
	if len(value) == 0 || value[0] != '"' || json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}

// isFalsy reports whether JavaScript takes a value of a dst for none.
func isFalsy(value []byte) bool {
	switch string(value) {
	case "", `""`, "null", "false", "0", "-0":
		return true
	}
	return false
}

// AppendMessage appends a message as it goes to its target. Payload may be nil.
func AppendMessage(dst []byte, t Type, from, to string, payload []byte) []byte {
	dst = append(append(append(dst, `{"type":"`...), t...), `","src":`...)
	dst = append(wire.AppendQuoted(dst, from), `,"dst":`...)
	dst = wire.AppendQuoted(dst, to)
	if payload != nil {
		dst = append(append(dst, `,"payload":`...), payload...)
	}
	return append(dst, '}')
}

// AppendRoute appends who sent a message to whom, in a form that ParseRoute reads.
func AppendRoute(dst []byte, from, to string) []byte {
	return append(append(append(dst, from...), 0), to...)
}

// ParseRoute reads what AppendRoute wrote.
func ParseRoute(route string) (from, to string, ok bool) {
	return strings.Cut(route, "\x00")
}

// Open tells a client that it has its id.
const Open = `{"type":"OPEN"}`

// IDTaken tells a client that another one has it.
const IDTaken = `{"type":"ID-TAKEN","payload":{"msg":"ID is taken"}}`

// What is said in an error. PeerJS shows it to its page.
const (
	BadParameters = "No id, token, or key supplied to websocket server"
	BadKey        = "Invalid key provided"
	BadToken      = "Invalid token provided"
)

// Error is the last message to a client that is refused.
func Error(msg string) string {
	return string(append(wire.AppendQuoted([]byte(`{"type":"ERROR","payload":{"msg":`), msg), "}}"...))
}
