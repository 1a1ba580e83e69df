package wire

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// ResumeToken lets a client come back to its session. To the client it is opaque text; inside it tells where
// the session is looked up and, should it be gone, whether that is a matter of time. Nothing in it is believed:
// what counts is that its Hash is the one stored with the session.
type ResumeToken struct {
	Client ClientID
	// Issued is when, in seconds since 1970.
	Issued uint32
	// Tag is derived from room and role, so that a token that strayed is told from one that ran out. See Fits.
	Tag    [4]byte
	Secret [16]byte
}

const (
	tokenLen     = 16 + 4 + 4 + 16
	tokenTextLen = (tokenLen*8 + 5) / 6
	tokenHashLen = 16
)

// tokenText refuses text whose unused last bits are set: one token has one text.
var tokenText = base64.RawURLEncoding.Strict()

// NewResumeToken draws a token for a client of that room and role. It is safe for concurrent use.
func NewResumeToken(c ClientID, room RoomID, role Role, now time.Time) ResumeToken {
	t := ResumeToken{Client: c, Issued: uint32(now.Unix()), Tag: tokenTag(room, role)}
	_, _ = rand.Read(t.Secret[:]) // never returns an error, see NewClientID
	return t
}

// ParseResumeToken reads the text of a token: exactly as String writes it, or not at all.
func ParseResumeToken(s string) (ResumeToken, bool) {
	var text [tokenTextLen]byte
	var raw [tokenLen]byte
	if len(s) != len(text) {
		return ResumeToken{}, false
	}
	copy(text[:], s)
	// The count is looked at because the decoder passes over line breaks.
	n, err := tokenText.Decode(raw[:], text[:])
	if err != nil || n != len(raw) {
		return ResumeToken{}, false
	}
	t := ResumeToken{Issued: binary.BigEndian.Uint32(raw[16:20])}
	copy(t.Client[:], raw[0:16])
	copy(t.Tag[:], raw[20:24])
	copy(t.Secret[:], raw[24:40])
	return t, true
}

// Fits reports whether the token was issued for that room and role. A wrong token fits by chance once in
// 2^32 times; its Hash then decides.
func (t ResumeToken) Fits(room RoomID, role Role) bool { return t.Tag == tokenTag(room, role) }

// String returns the text of the token, 54 characters of base64url. It is a secret: it goes to the client
// and into no log.
func (t ResumeToken) String() string {
	raw := t.bytes()
	return tokenText.EncodeToString(raw[:])
}

// Hash returns what is stored in place of the token: 22 characters of base64url, the first half of the SHA-256 of the
// whole token.
func (t ResumeToken) Hash() string {
	raw := t.bytes()
	sum := sha256.Sum256(raw[:])
	return tokenText.EncodeToString(sum[:tokenHashLen])
}

func (t ResumeToken) bytes() [tokenLen]byte {
	var raw [tokenLen]byte
	copy(raw[0:16], t.Client[:])
	binary.BigEndian.PutUint32(raw[16:20], t.Issued)
	copy(raw[20:24], t.Tag[:])
	copy(raw[24:40], t.Secret[:])
	return raw
}

// tokenTag returns the first bytes of the SHA-256 of room and role.
func tokenTag(room RoomID, role Role) (tag [4]byte) {
	input := make([]byte, 0, len(room)+2*maxRoleName+1)
	input = append(append(input, room[:]...), role.Text()...)
	sum := sha256.Sum256(input)
	copy(tag[:], sum[:])
	return tag
}
