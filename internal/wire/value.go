package wire

// valueKind is the type of a JSON value.
type valueKind byte

const (
	kindAbsent valueKind = iota // also: what no value begins with
	kindNull
	kindBoolean
	kindNumber
	kindString
	kindArray
	kindObject
)

// kindOf returns the type of the value that begins with c.
func kindOf(c byte) valueKind {
	switch c {
	case 'n':
		return kindNull
	case 't', 'f':
		return kindBoolean
	case '"':
		return kindString
	case '[':
		return kindArray
	case '{':
		return kindObject
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return kindNumber
	}
	return kindAbsent
}

// String returns the name of a type in an issue.
func (k valueKind) String() string {
	switch k {
	case kindNull:
		return "null"
	case kindBoolean:
		return "boolean"
	case kindNumber:
		return "number"
	case kindString:
		return "string"
	case kindArray:
		return "array"
	case kindObject:
		return "object"
	}
	return "undefined"
}

// value is where a JSON value stands in a text. The zero value is an absent one.
type value struct {
	start, end int
	kind       valueKind
}
