package admin

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/rejoin-dev/rejoin/internal/auth"
	"github.com/rejoin-dev/rejoin/internal/peerjs"
	"github.com/rejoin-dev/rejoin/internal/sessionview"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// roomIDs returns what a room is called in Redis, in text.
func (h *handler) roomIDs(room string) ([]string, bool) {
	ids, ok := peerjs.RoomIDs(h.PeerJSKey, room)
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = id.String()
	}
	return names, ok
}

func (h *handler) getRoom(w http.ResponseWriter, r *http.Request, rooms []string) {
	in, err := h.Backbone.Inspector()
	if err != nil {
		h.unavailable(w, err)
		return
	}
	clients := []sessionview.Session{}
	for _, room := range rooms {
		state, err := in.Room(r.Context(), room)
		if errors.Is(err, streams.ErrNoRoom) {
			continue
		}
		if err != nil {
			h.unavailable(w, err)
			return
		}
		for _, m := range state.Members {
			clients = append(clients, sessionview.New(m))
		}
	}
	if len(clients) == 0 {
		fail(w, http.StatusNotFound, "no client is in this room")
		return
	}
	answer(w, http.StatusOK, map[string]any{"clients": clients})
}

// inEach begins a call in each of the rooms, and waits for what all of them have to say.
func inEach[T any](rooms []string, begin func(room string, done func(T, error))) (all []T, err error) {
	type reply struct {
		said T
		err  error
	}
	replies := make(chan reply, len(rooms))
	for _, room := range rooms {
		begin(room, func(said T, err error) { replies <- reply{said, err} })
	}
	for range rooms {
		one := <-replies
		all, err = append(all, one.said), errors.Join(err, one.err)
	}
	return all, err
}

// remove ends the session of a client, or of all, in each of the rooms, and waits for Redis.
func (h *handler) remove(rooms []string, client string) (n int, err error) {
	all, err := inEach(rooms, func(room string, done func(int, error)) { h.Backbone.Remove(room, client, done) })
	for _, one := range all {
		n += one
	}
	return n, err
}

func (h *handler) deleteRoom(w http.ResponseWriter, _ *http.Request, rooms []string) {
	n, err := h.remove(rooms, "")
	if err != nil {
		h.unavailable(w, err)
		return
	}
	answer(w, http.StatusOK, map[string]int{"removed": n})
}

func (h *handler) deleteClient(w http.ResponseWriter, r *http.Request, rooms []string) {
	id, ok := wire.ParseClientID([]byte(r.PathValue("client")))
	if !ok {
		fail(w, http.StatusBadRequest, "a clientId is a UUID")
		return
	}
	n, err := h.remove(rooms, id.String())
	switch {
	case err != nil:
		h.unavailable(w, err)
	case n == 0:
		fail(w, http.StatusNotFound, "no such client in this room")
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// message is the body of POST /v1/rooms/<room>/messages.
type message struct {
	To        string          `json:"to"`
	Role      string          `json:"role"`
	Method    string          `json:"method"`
	Payload   json.RawMessage `json:"payload"`
	RequestID string          `json:"requestId"`
	TTLMs     *int            `json:"ttlMs"`
}

// maxRequestID bounds the operator's own request IDs, bytes.
const maxRequestID = 128

// check says what is wrong with a message, "" if nothing is.
func (m *message) check() string {
	id, isClient := wire.ParseClientID([]byte(m.To))
	switch {
	case (m.To == "") == (m.Role == ""):
		return "want to or role, one of them"
	case m.To != "" && !isClient:
		return "to: want a clientId"
	case m.Role != "" && !wire.IsRoleName(m.Role):
		return "role: want the name of a role"
	case !wire.IsMethod(m.Method) || m.Method == "ack":
		return "method: want a letter and up to 31 letters, digits, dots, hyphens and underscores, and not ack"
	case m.Payload == nil:
		return "payload: want any JSON value"
	case m.TTLMs != nil && (*m.TTLMs < 1 || *m.TTLMs > wire.MaxTTLMs):
		return "ttlMs: want 1 to 3600000"
	case len(m.RequestID) > maxRequestID:
		return "requestId: want at most 128 bytes"
	}
	if m.To != "" {
		m.To = id.String()
	}
	return ""
}

// notice is what is stored for the message.
func (m *message) notice() streams.Notice {
	if m.RequestID == "" {
		m.RequestID = rand.Text()
	}
	requestID, _ := json.Marshal(m.RequestID) // strings always can
	data, _ := json.Marshal(struct {
		RequestID string          `json:"requestId"`
		Method    string          `json:"method"`
		Target    string          `json:"targetClientId,omitempty"`
		Payload   json.RawMessage `json:"payload"`
	}{m.RequestID, m.Method, m.To, m.Payload}) // was valid when it was read; Marshal makes it compact
	ttl := time.Duration(0)
	if m.TTLMs != nil {
		ttl = time.Duration(*m.TTLMs) * time.Millisecond
	}
	return streams.Notice{
		TTL: ttl, Client: m.To, Role: m.Role, Fingerprint: xxhash.Sum64String(m.To + " " + m.Role + " " + m.RequestID),
		Kind:      byte(wire.KindOther), // none that a later one replaces
		RequestID: requestID, Data: bytes.Clone(data),
	}
}

func (h *handler) postMessage(w http.ResponseWriter, r *http.Request, rooms []string) {
	var m message
	if !read(w, r, &m) {
		return
	}
	if bad := m.check(); bad != "" {
		fail(w, http.StatusBadRequest, bad)
		return
	}
	n := m.notice()
	if len(n.Data) > h.MaxMessageBytes {
		fail(w, http.StatusRequestEntityTooLarge, "message too big: see MAX_MESSAGE_BYTES")
		return
	}
	became, err := h.notify(rooms, n)
	switch {
	case err != nil:
		h.unavailable(w, err)
	case m.To != "" && became.Plain > 0:
		fail(w, http.StatusConflict, "this client speaks the plain dialect, which has no messages from the server")
	case m.To != "" && became.Full > 0:
		fail(w, http.StatusInsufficientStorage, "this client has too much waiting")
	case m.To != "" && became.Stored == 0:
		fail(w, http.StatusNotFound, "no such client in this room")
	default:
		answer(w, http.StatusOK, map[string]any{"requestId": m.RequestID, "stored": became.Stored, "full": became.Full, "plain": became.Plain})
	}
}

// notify stores a message in each of the rooms, and waits for Redis.
func (h *handler) notify(rooms []string, n streams.Notice) (all streams.Noticed, err error) {
	each, err := inEach(rooms, func(room string, done func(streams.Noticed, error)) {
		n.Room = room
		h.Backbone.Notify(n, done)
	})
	for _, one := range each {
		all.Stored, all.Full, all.Plain = all.Stored+one.Stored, all.Full+one.Full, all.Plain+one.Plain
	}
	return all, err
}

// revocation is the body of POST /v1/revocations.
type revocation struct {
	TokenID string  `json:"jti"`
	User    string  `json:"sub"`
	Until   float64 `json:"until"` // Unix seconds, as exp
}

// maxRevocation is how long one may last: until is a time in seconds, and milliseconds would be a mistake that lasts.
const maxRevocation = 10 * 366 * 24 * time.Hour

func (v *revocation) check(now time.Time) string {
	until := time.Duration(math.Min(v.Until-float64(now.Unix()), math.MaxInt32*10)) * time.Second
	switch {
	case (v.TokenID == "") == (v.User == ""):
		return "want jti or sub, one of them"
	case len(v.TokenID) > auth.MaxNameBytes, len(v.User) > auth.MaxNameBytes:
		return "jti, sub: want at most 255 bytes, as tokens have"
	case until <= 0, until > maxRevocation:
		return "until: want Unix seconds, in the future and within 10 years"
	}
	return ""
}

func (h *handler) postRevocation(w http.ResponseWriter, r *http.Request) {
	var v revocation
	if !read(w, r, &v) {
		return
	}
	if bad := v.check(time.Now()); bad != "" {
		fail(w, http.StatusBadRequest, bad)
		return
	}
	if !h.Revocable {
		fail(w, http.StatusConflict, "AUTH is off: no client shows a token")
		return
	}
	done := make(chan error, 1)
	name := auth.Tokens{TokenID: v.TokenID, User: v.User}.Name()
	h.Backbone.Revoke(streams.Revocation{Name: name, Until: time.UnixMilli(int64(v.Until * 1000))}, func(err error) { done <- err })
	switch err := <-done; {
	case errors.Is(err, streams.ErrTooManyRevocations):
		fail(w, http.StatusInsufficientStorage, err.Error())
	case err != nil:
		h.unavailable(w, err)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}
