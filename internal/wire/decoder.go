package wire

import (
	"bytes"
	"unicode/utf8"

	"github.com/rejoin-dev/rejoin/streams/entryid"
)

// keptScratch is how much a Decoder keeps between two messages, in bytes. It is more than a message of the default
// limit needs, and keeps one odd message from costing memory for ever.
const keptScratch = 128 << 10

// Decoder reads the messages of clients. The zero value is ready for use. One Decoder serves any number of clients,
// one after the other; it is not safe for concurrent use.
type Decoder struct {
	scan   scanner
	fields [fieldCount]value
	// scratch holds what could not alias the text. It only grows by append, so that a slice of it stays good
	// until the next Decode, even when it had to move.
	scratch []byte
}

// The fields that are looked at, in the order in which they are checked.
const (
	fieldRequestID = iota
	fieldConnectionID
	fieldPayload
	fieldTarget
	fieldStartAt
	fieldMethod
	fieldSource
	fieldID
	fieldAnyPayload
	fieldTTL
	fieldCount
	fieldUnknown = -1
)

// fieldName gives the fields their names on the wire.
var fieldName = [fieldCount]string{
	"requestId", "connectionId", "encryptedPayload", "targetClientId", "startAt", "method", "source", "id", "payload", "ttlMs",
}

// Decode reads one message. It returns the message or, when that is none, the reply that its sender gets, never both.
// Both alias raw or the Decoder and are good until the next Decode or until raw changes. A valid message
// that is compact and in which no field that is looked at has an escape costs no allocation.
//
// The text is JSON as encoding/json accepts it, 10,000 levels deep at most; of a repeated field the last
// counts. Bytes in strings that are not UTF-8 (a binary frame may hold such) are replaced by U+FFFD, because
// what is relayed leaves in a text frame.
//
// An ack is known in RejoinV1 only. Its id has to be a string; whether that is an EntryID is for the caller to see.
func (d *Decoder) Decode(raw []byte, dialect Dialect) (m Message, reply []byte) {
	d.scratch = d.scratch[:0]
	if cap(d.scratch) > keptScratch {
		d.scratch = nil
	}
	text := trimSpace(raw)
	kind, ok := d.read(text)
	if ok && d.scan.high >= utf8.RuneSelf && !utf8.Valid(text) {
		text = d.replaceInvalid(text)
		kind, ok = d.read(text)
	}
	if !ok {
		return Message{}, d.invalidMessage(raw)
	}
	if kind != kindObject {
		return Message{}, d.notAnObject(kind)
	}
	if dialect == RejoinV1 && string(d.text(fieldMethod)) == methodAck {
		return d.ack()
	}
	if dialect == RejoinV1 {
		return d.anyMessage()
	}
	return d.message()
}

// read passes over the whole text and notes where the fields of an object are.
func (d *Decoder) read(text []byte) (valueKind, bool) {
	clear(d.fields[:])
	d.scan.reset(text)
	kind := kindOf(d.scan.peek())
	if kind != kindObject {
		return kind, d.scan.skipValue(0) && d.scan.atEnd()
	}
	return kind, d.scan.readObject(d.note) && d.scan.atEnd()
}

// note remembers where a field is, if it is looked at.
func (d *Decoder) note(name []byte, v value) {
	if field := d.fieldOf(name); field != fieldUnknown {
		d.fields[field] = v
	}
}

// fieldOf returns which field has that name, given without its quotes but with its escapes.
func (d *Decoder) fieldOf(name []byte) int {
	if bytes.IndexByte(name, '\\') >= 0 {
		start := len(d.scratch)
		name = d.unquote(name)
		d.scratch = d.scratch[:start] // the name is not needed for long
	}
	for field, known := range fieldName {
		if string(name) == known {
			return field
		}
	}
	return fieldUnknown
}

// message returns what goes to a peer, or what is wrong with it.
func (d *Decoder) message() (Message, []byte) {
	kind, sourceOK := parseMethod(d.text(fieldMethod)), d.validSource()
	if kind == 0 || !sourceOK || !d.validTypes(Plain) {
		return Message{}, d.invalidFields(kind != 0, sourceOK)
	}
	return Message{
		Kind:      kind,
		RequestID: d.token(fieldRequestID),
		Target:    d.text(fieldTarget),
		Data:      d.compact(d.scan.text),
	}, nil
}

// anyMessage is message in RejoinV1.
func (d *Decoder) anyMessage() (Message, []byte) {
	kind, sourceOK := d.anyMethod(), d.validAnySource()
	ttl, ttlOK := d.ttl()
	if kind == 0 || !sourceOK || !ttlOK || !d.validTypes(RejoinV1) {
		return Message{}, d.invalidAnyFields(kind != 0, sourceOK, ttlOK)
	}
	m := Message{
		Kind: kind, RequestID: d.token(fieldRequestID), Target: d.text(fieldTarget), TTLMs: ttl, Data: d.compact(d.scan.text),
	}
	switch {
	case d.fields[fieldAnyPayload].kind != kindAbsent:
		m.Beyond = fieldName[fieldAnyPayload]
	case kind == KindOther:
		m.Beyond = fieldName[fieldMethod]
	case !d.validSource():
		m.Beyond = fieldName[fieldSource]
	}
	return m, nil
}

// anyMethod is the kind of a message of RejoinV1, 0 when its method cannot be one.
func (d *Decoder) anyMethod() Kind {
	method := d.text(fieldMethod)
	if kind := parseMethod(method); kind != 0 || !IsMethod(method) {
		return kind
	}
	return KindOther
}

// ttl is what ttlMs says, 0 when it is absent; false when it is not a whole number from 1 to MaxTTLMs.
func (d *Decoder) ttl() (ms int, ok bool) {
	if d.fields[fieldTTL].kind == kindAbsent {
		return 0, true
	}
	n, rest, ok := entryid.Decimal(d.token(fieldTTL))
	if !ok || len(rest) > 0 || n < 1 || n > MaxTTLMs {
		return 0, false
	}
	return int(n), true
}

// ack returns an acknowledgement, or what is wrong with it.
func (d *Decoder) ack() (Message, []byte) {
	if d.fields[fieldID].kind != kindString {
		return Message{}, d.invalidAck()
	}
	return Message{Kind: KindAck, Ack: d.text(fieldID)}, nil
}

// token returns the JSON text of a field, nil when it is absent.
func (d *Decoder) token(field int) []byte {
	v := d.fields[field]
	if v.kind == kindAbsent {
		return nil
	}
	return d.scan.text[v.start:v.end:v.end]
}

// text returns what the string in a field stands for, nil when the field holds no string.
func (d *Decoder) text(field int) []byte {
	v := d.fields[field]
	if v.kind != kindString {
		return nil
	}
	inside := d.scan.text[v.start+1 : v.end-1 : v.end-1]
	if bytes.IndexByte(inside, '\\') < 0 {
		return inside
	}
	return d.unquote(inside)
}

// unquote resolves escapes into scratch.
func (d *Decoder) unquote(inside []byte) []byte {
	start := len(d.scratch)
	d.scratch = appendUnquoted(d.scratch, inside)
	return d.cut(start)
}

// compact returns text without the spaces between its tokens, text itself when it has none.
func (d *Decoder) compact(text []byte) []byte {
	if !d.scan.spaced {
		return text
	}
	start := len(d.scratch)
	d.scratch = appendCompact(d.scratch, text)
	return d.cut(start)
}

// replaceInvalid returns text with U+FFFD for each byte that is not UTF-8.
func (d *Decoder) replaceInvalid(text []byte) []byte {
	start := len(d.scratch)
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		d.scratch = utf8.AppendRune(d.scratch, r)
		text = text[size:]
	}
	return d.cut(start)
}

// cut returns the part of scratch that begins at start. Its capacity ends with it, so that nobody's append reaches
// what follows.
func (d *Decoder) cut(start int) []byte { return d.scratch[start:len(d.scratch):len(d.scratch)] }
