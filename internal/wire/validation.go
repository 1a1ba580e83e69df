package wire

import "strconv"

// The text of a validation reply. Existing clients were written against a server that used zod 3.17: what follows
// has its shapes, and testdata/validation.json its output.
const (
	methodIssue = `{"code":"invalid_union","unionErrors":[` +
		`{"issues":[{"code":"invalid_literal","expected":"offer","path":["method"],"message":"Invalid literal value, expected \"offer\""}],"name":"ZodError"},` +
		`{"issues":[{"code":"invalid_literal","expected":"answer","path":["method"],"message":"Invalid literal value, expected \"answer\""}],"name":"ZodError"},` +
		`{"issues":[{"code":"invalid_literal","expected":"iceCandidate","path":["method"],"message":"Invalid literal value, expected \"iceCandidate\""}],"name":"ZodError"},` +
		`{"issues":[{"code":"invalid_literal","expected":"iceCandidates","path":["method"],"message":"Invalid literal value, expected \"iceCandidates\""}],"name":"ZodError"}` +
		`],"path":["method"],"message":"Invalid input"}`
	sourceIssue = `{"code":"invalid_union","unionErrors":[` +
		`{"issues":[{"code":"invalid_literal","expected":"wallet","path":["source"],"message":"Invalid literal value, expected \"wallet\""}],"name":"ZodError"},` +
		`{"issues":[{"code":"invalid_literal","expected":"extension","path":["source"],"message":"Invalid literal value, expected \"extension\""}],"name":"ZodError"}` +
		`],"path":["source"],"message":"Invalid input"}`
)

// fieldRule says what a field has to be. Method and source have rules of their own.
type fieldRule struct {
	field    int
	kind     valueKind
	optional bool
}

// fieldRules are the rules in the order of their issues. Those of method and source come after them.
var fieldRules = [...]fieldRule{
	{field: fieldRequestID, kind: kindString},
	{field: fieldConnectionID, kind: kindString, optional: true},
	{field: fieldPayload, kind: kindString},
	{field: fieldTarget, kind: kindString},
	{field: fieldStartAt, kind: kindNumber, optional: true},
}

// keptBy reports whether a field of type k keeps the rule.
func (r *fieldRule) keptBy(k valueKind) bool {
	return k == r.kind || r.optional && k == kindAbsent
}

// keeps reports whether a rule is kept. In RejoinV1 payload may stand in place of encryptedPayload.
func (d *Decoder) keeps(rule *fieldRule, dialect Dialect) bool {
	kind := d.fields[rule.field].kind
	if rule.field == fieldPayload && d.hasAnyPayload(dialect) {
		return kind == kindAbsent
	}
	return rule.keptBy(kind)
}

func (d *Decoder) hasAnyPayload(dialect Dialect) bool {
	return dialect == RejoinV1 && d.fields[fieldAnyPayload].kind != kindAbsent
}

// validTypes reports whether all rules in fieldRules are kept.
func (d *Decoder) validTypes(dialect Dialect) bool {
	for i := range fieldRules {
		if !d.keeps(&fieldRules[i], dialect) {
			return false
		}
	}
	return true
}

// validSource reports whether source is a role or absent.
func (d *Decoder) validSource() bool {
	if d.fields[fieldSource].kind == kindAbsent {
		return true
	}
	_, ok := ParseRole(string(d.text(fieldSource)))
	return ok
}

// invalidMessage returns the reply to what is not JSON.
func (d *Decoder) invalidMessage(raw []byte) []byte {
	d.scratch = append(d.scratch[:0], `{"info":"invalidMessageError","data":`...)
	d.scratch = appendQuoted(d.scratch, raw)
	d.scratch = append(d.scratch, `,"error":"invalid message format, expected JSON"}`...)
	return d.cut(0)
}

// notAnObject returns the reply to JSON that is not an object.
func (d *Decoder) notAnObject(kind valueKind) []byte {
	d.scratch = append(d.scratch[:0], `{"info":"validationError","error":[`...)
	d.scratch = appendTypeIssue(d.scratch, kindObject, kind, "")
	d.scratch = append(d.scratch, `]}`...)
	return d.cut(0)
}

// invalidAck returns the reply to an ack whose id is missing or not a string.
func (d *Decoder) invalidAck() []byte {
	start := d.openValidationError()
	d.scratch = appendTypeIssue(d.scratch, kindString, d.fields[fieldID].kind, fieldName[fieldID])
	d.scratch = append(d.scratch, `]}`...)
	return d.cut(start)
}

// invalidFields returns the reply to an object that is no message: every rule that is broken is an issue. The verdict on
// method and source is the caller's: reading them can write to scratch, where the reply grows.
func (d *Decoder) invalidFields(methodOK, sourceOK bool) []byte {
	start := d.openValidationError()
	d.typeIssues(Plain)
	if !methodOK {
		d.scratch = append(d.scratch, methodIssue...)
		d.scratch = append(d.scratch, ',')
	}
	if !sourceOK {
		d.scratch = append(d.scratch, sourceIssue...)
		d.scratch = append(d.scratch, ',')
	}
	return d.closeValidationError(start)
}

// validAnySource reports whether source may be the name of a role or is absent.
func (d *Decoder) validAnySource() bool {
	return d.fields[fieldSource].kind == kindAbsent || IsRoleName(d.text(fieldSource))
}

// The issues of RejoinV1.
const (
	bothPayloadsIssue = `{"code":"custom","path":["payload"],"message":"Expected encryptedPayload or payload, received both"}`
	ttlIssue          = `{"code":"custom","path":["ttlMs"],"message":"Expected a whole number from 1 to 3600000"}`
)

// invalidAnyFields is invalidFields in RejoinV1.
func (d *Decoder) invalidAnyFields(methodOK, sourceOK, ttlOK bool) []byte {
	start := d.openValidationError()
	d.typeIssues(RejoinV1)
	if !methodOK {
		d.nameIssue(fieldMethod)
	}
	if !sourceOK {
		d.nameIssue(fieldSource)
	}
	if kind := d.fields[fieldTTL].kind; !ttlOK && kind != kindNumber {
		d.scratch = append(appendTypeIssue(d.scratch, kindNumber, kind, fieldName[fieldTTL]), ',')
	} else if !ttlOK {
		d.scratch = append(append(d.scratch, ttlIssue...), ',')
	}
	return d.closeValidationError(start)
}

// nameIssue appends the issue of a field that is not a string, or a string of a wrong form.
func (d *Decoder) nameIssue(field int) {
	if kind := d.fields[field].kind; kind != kindString {
		d.scratch = append(appendTypeIssue(d.scratch, kindString, kind, fieldName[field]), ',')
		return
	}
	d.scratch = append(d.scratch, `{"code":"invalid_string","validation":"regex","path":["`...)
	d.scratch = append(d.scratch, fieldName[field]...)
	d.scratch = append(d.scratch, `"],"message":"Invalid"},`...)
}

// AppendBeyondPlain appends the answer to a message whose target is a plain client, which would not understand that field of it.
// For rejoin.v1 only.
func AppendBeyondPlain(dst, requestID []byte, field string) []byte {
	dst = append(dst, `{"info":"validationError","requestId":`...)
	dst = append(dst, requestID...)
	dst = append(dst, `,"error":[{"code":"custom","path":["`...)
	dst = append(dst, field...)
	return append(dst, `"],"message":"The target is a plain client, which does not know this"}]}`...)
}

// openValidationError begins a reply up to its first issue and returns where it begins. The request ID is echoed as it
// came, whatever its type, compacted; spelt differently than a re-serialised one, but equal to it.
func (d *Decoder) openValidationError() (start int) {
	start = len(d.scratch)
	d.scratch = append(d.scratch, `{"info":"validationError"`...)
	if id := d.token(fieldRequestID); id != nil {
		d.scratch = append(d.scratch, `,"requestId":`...)
		d.scratch = appendCompact(d.scratch, id)
	}
	d.scratch = append(d.scratch, `,"error":[`...)
	return start
}

// typeIssues appends the issues of the rules in fieldRules that are broken, each with a comma behind it.
func (d *Decoder) typeIssues(dialect Dialect) {
	for i := range fieldRules {
		rule := &fieldRules[i]
		switch kind := d.fields[rule.field].kind; {
		case d.keeps(rule, dialect):
		case rule.field == fieldPayload && d.hasAnyPayload(dialect):
			d.scratch = append(append(d.scratch, bothPayloadsIssue...), ',')
		default:
			d.scratch = append(appendTypeIssue(d.scratch, rule.kind, kind, fieldName[rule.field]), ',')
		}
	}
}

// closeValidationError ends a reply behind its last issue's comma.
func (d *Decoder) closeValidationError(start int) []byte {
	d.scratch[len(d.scratch)-1] = ']' // over the comma
	d.scratch = append(d.scratch, '}')
	return d.cut(start)
}

// appendTypeIssue appends the issue of a value of the wrong type, on the field of that name or, when
// that is "", on the message itself.
func appendTypeIssue(dst []byte, expected, received valueKind, name string) []byte {
	dst = append(dst, `{"code":"invalid_type","expected":"`...)
	dst = append(dst, expected.String()...)
	dst = append(dst, `","received":"`...)
	dst = append(dst, received.String()...)
	dst = append(dst, `","path":[`...)
	if name != "" {
		dst = strconv.AppendQuote(dst, name)
	}
	dst = append(dst, `],"message":"`...)
	if received == kindAbsent {
		dst = append(dst, "Required"...)
	} else {
		dst = append(dst, "Expected "...)
		dst = append(dst, expected.String()...)
		dst = append(dst, ", received "...)
		dst = append(dst, received.String()...)
	}
	return append(dst, `"}`...)
}
