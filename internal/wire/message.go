package wire

// Kind is what a client's message is for: its method.
type Kind byte

// The kinds. Their values are what is stored.
const (
	KindOffer      Kind = 'o'
	KindAnswer     Kind = 'a'
	KindCandidate  Kind = 'c'
	KindCandidates Kind = 'C'
	KindOther      Kind = 'm' // any other method: rejoin.v1 only
	KindAck        Kind = 'k' // rejoin.v1 only, and for the server

	// KindDescription is an OFFER or an ANSWER of a PeerJS client. Those of one sender may be for several connections: none replaces another.
	KindDescription Kind = 'S'
)

// String returns the method as it stands in a message.
func (k Kind) String() string {
	switch k {
	case KindOffer:
		return methodOffer
	case KindAnswer:
		return methodAnswer
	case KindCandidate:
		return methodCandidate
	case KindCandidates:
		return methodCandidates
	case KindOther:
		return "other"
	case KindAck:
		return methodAck
	case KindDescription:
		return "description"
	}
	return "unknown"
}

const (
	methodOffer      = "offer"
	methodAnswer     = "answer"
	methodCandidate  = "iceCandidate"
	methodCandidates = "iceCandidates"
	methodAck        = "ack"
)

// parseMethod returns the kind of a message for a peer, 0 when it is none of them.
func parseMethod(method []byte) Kind {
	switch string(method) {
	case methodOffer:
		return KindOffer
	case methodAnswer:
		return KindAnswer
	case methodCandidate:
		return KindCandidate
	case methodCandidates:
		return KindCandidates
	}
	return 0
}

// IsMethod reports whether method may stand in a message of RejoinV1 for a peer: a letter and up to 31 letters, digits and "_.-".
func IsMethod[T string | []byte](method T) bool {
	if len(method) == 0 || len(method) > 32 {
		return false
	}
	for i := range len(method) {
		c := method[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		other := '0' <= c && c <= '9' || c == '_' || c == '.' || c == '-'
		if !letter && (i == 0 || !other) {
			return false
		}
	}
	return true
}

// MaxTTLMs is the longest time that a message may be told to live, in milliseconds.
const MaxTTLMs = 3_600_000

// Message is what a client sent. Its slices belong to the Decoder and to the text it was given.
type Message struct {
	Kind Kind
	// RequestID is the JSON string as it came, quotes and escapes included. Nil for an ack.
	RequestID []byte
	// Target is the text of targetClientId, escapes resolved; it may be no ClientID at all. Nil for an ack.
	Target []byte
	// Ack is the text of an ack's id, escapes resolved; it may be no EntryID at all. Nil for all else.
	Ack []byte
	// Beyond names the first field that has no place in the plain dialect, or a value that has none; "" when the message could go to
	// a plain client.
	Beyond string
	// TTLMs is for how long the message is to be delivered, in milliseconds; 0: for as long as it is kept. RejoinV1 only.
	TTLMs int
	// Data is the whole message with every field, known or not, as compact JSON in valid UTF-8. Nil for an ack.
	Data []byte
}
