package wire

// Kind is what a client's message is for: its method.
type Kind byte

// The kinds. Their values are what is stored.
const (
	KindOffer      Kind = 'o'
	KindAnswer     Kind = 'a'
	KindCandidate  Kind = 'c'
	KindCandidates Kind = 'C'
	KindAck        Kind = 'k' // rejoin.v1 only, and for the server
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
	case KindAck:
		return methodAck
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

// Message is what a client sent. Its slices belong to the Decoder and to the text it was given.
type Message struct {
	Kind Kind
	// RequestID is the JSON string as it came, quotes and escapes included. Nil for an ack.
	RequestID []byte
	// Target is the text of targetClientId, escapes resolved; it may be no ClientID at all. Nil for an ack.
	Target []byte
	// Ack is the text of an ack's id, escapes resolved; it may be no EntryID at all. Nil for all else.
	Ack []byte
	// Data is the whole message with every field, known or not, as compact JSON in valid UTF-8. Nil for an ack.
	Data []byte
}
