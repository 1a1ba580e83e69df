package traffic

import "fmt"

// Sizes of whole messages as clients in the field send them, bytes.
const (
	OfferSize     = 1300 // and of an answer
	CandidateSize = 400
	// OfferEvery: one in so many messages of a sender is an offer, its first one among them.
	OfferEvery = 6
)

// clientIDSize is the length of a client ID's text.
const clientIDSize = 36

// Letter is a message whose requestId and target are filled in each time. It is not safe for concurrent use.
type Letter struct {
	text      []byte
	targetsAt int
}

const stampAt = len(`{"requestId":"`)

// NewLetter returns a message of the given size in bytes. Its encryptedPayload is hexadecimal, as that of existing clients.
func NewLetter(method string, from Role, size int) *Letter {
	head := fmt.Sprintf(`{"requestId":"%0*d","targetClientId":"`, StampSize, 0)
	rest := fmt.Sprintf(`%0*d","method":%q,"source":%q,"encryptedPayload":"`, clientIDSize, 0, method, from.String())
	l := &Letter{text: []byte(head + rest), targetsAt: len(head)}
	for i := 0; len(l.text) < size-len(`"}`); i++ {
		l.text = append(l.text, "0123456789abcdef"[i*7%16])
	}
	l.text = append(l.text, `"}`...)
	return l
}

// Fill returns the message with this stamp and target, valid until the next Fill.
func (l *Letter) Fill(s Stamp, target *[clientIDSize]byte) []byte {
	s.AppendText(l.text[:stampAt])
	copy(l.text[l.targetsAt:], target[:])
	return l.text
}

// Letters are the messages that clients of one role send.
type Letters struct{ offer, answer, candidate *Letter }

// NewLetters returns the mix of the field: an offer, then candidates.
func NewLetters(from Role) Letters {
	return Letters{NewLetter("offer", from, OfferSize), NewLetter("answer", from, OfferSize), NewLetter("iceCandidate", from, CandidateSize)}
}

// Offer returns an offer, valid until the next one.
func (l *Letters) Offer(s Stamp, target *[clientIDSize]byte) []byte { return l.offer.Fill(s, target) }

// Answer returns an answer, valid until the next one.
func (l *Letters) Answer(s Stamp, target *[clientIDSize]byte) []byte { return l.answer.Fill(s, target) }

// Candidate returns a candidate, valid until the next one.
func (l *Letters) Candidate(s Stamp, target *[clientIDSize]byte) []byte {
	return l.candidate.Fill(s, target)
}

// Fill returns the message that a sender's sequence number asks for in the mix, valid until the next Fill.
func (l *Letters) Fill(s Stamp, target *[clientIDSize]byte) []byte {
	if s.Seq%OfferEvery == 0 {
		return l.Offer(s, target)
	}
	return l.Candidate(s, target)
}

// Kept returns letters that have an answer in place of an offer: an offer and its candidates are not replayed when a later offer waits (S1.2).
func (l Letters) Kept() Letters {
	l.offer = l.answer
	return l
}
