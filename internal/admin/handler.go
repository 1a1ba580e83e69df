package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rejoin-dev/rejoin/streams"
)

// Prefix is the path that all calls are under.
const Prefix = "/v1/"

// Backbone is what the calls need of streams.Backbone, which documents it.
type Backbone interface {
	Inspector() (*streams.Inspector, error)
	Remove(room, client string, done func(n int, err error))
	Notify(n streams.Notice, done func(streams.Noticed, error))
	Revoke(r streams.Revocation, done func(error))
}

// Config is what a Handler needs. Every field must be set.
type Config struct {
	Backbone Backbone
	// Allowed says whether a bearer token is the operator's. It has to take as long for any.
	Allowed func(token string) bool
	// Revocable is whether AUTH has tokens that could be revoked.
	Revocable bool
	// PeerJSKey is that of PeerJS clients, whose ids are rooms named peerjs:<id>.
	PeerJSKey string
	// MaxMessageBytes bounds a message as its receiver sees it, bytes.
	MaxMessageBytes int
	Logger          *slog.Logger
}

// maxBody bounds the body of a call beyond the message in it, bytes.
const maxBody = 16 << 10

// handler is a Config with its routes.
type handler struct {
	Config
	mux *http.ServeMux
}

// Handler returns the calls. It asks for the token before it says whether anything is there.
func Handler(c Config) http.Handler {
	h := &handler{Config: c, mux: http.NewServeMux()}
	h.mux.HandleFunc("GET /v1/rooms/{room}", h.inRoom(h.getRoom))
	h.mux.HandleFunc("DELETE /v1/rooms/{room}", h.inRoom(h.deleteRoom))
	h.mux.HandleFunc("DELETE /v1/rooms/{room}/clients/{client}", h.inRoom(h.deleteClient))
	h.mux.HandleFunc("POST /v1/rooms/{room}/messages", h.inRoom(h.postMessage))
	h.mux.HandleFunc("POST /v1/revocations", h.postRevocation)
	return h
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	rec := &recorder{ResponseWriter: w, status: http.StatusOK}
	token, bearer := bearerToken(r)
	switch {
	case !bearer || !h.Allowed(token):
		rec.Header().Set("WWW-Authenticate", "Bearer")
		fail(rec, http.StatusUnauthorized, "want Authorization: Bearer with the token of ADMIN_TOKEN_FILE")
	default:
		h.route(rec, r)
	}
	h.log(r, rec.status, time.Since(began))
}

// bearerToken reads Authorization (RFC 6750 section 2.1).
func bearerToken(r *http.Request) (token string, ok bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimLeft(token, " "), ok && strings.EqualFold(scheme, "Bearer")
}

// route answers what no call matches in JSON, as all else.
func (h *handler) route(w http.ResponseWriter, r *http.Request) {
	next, pattern := h.mux.Handler(r)
	if pattern != "" {
		r.Body = http.MaxBytesReader(w, r.Body, int64(h.MaxMessageBytes)+maxBody)
		h.mux.ServeHTTP(w, r) // which sets the path's values
		return
	}
	text := &recorder{ResponseWriter: discard{http.Header{}}}
	next.ServeHTTP(text, r)
	if allow := text.Header().Get("Allow"); text.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", allow)
		fail(w, text.status, "method not allowed")
		return
	}
	fail(w, http.StatusNotFound, "no such call")
}

// log writes one line for each call: rooms and clients shortened, nothing of bodies and tokens.
func (h *handler) log(r *http.Request, status int, took time.Duration) {
	attrs := []slog.Attr{slog.String("method", r.Method), slog.Int("status", status), slog.String("from", r.RemoteAddr), slog.Duration("took", took)}
	call := "none"
	if _, pattern := h.mux.Handler(r); pattern != "" {
		_, call, _ = strings.Cut(pattern, " ")
	}
	attrs = append(attrs, slog.String("call", call))
	if ids, ok := h.roomIDs(r.PathValue("room")); ok {
		attrs = append(attrs, slog.String("room", short(ids[0])))
	}
	if client := r.PathValue("client"); client != "" {
		attrs = append(attrs, slog.String("client", short(client)))
	}
	h.Logger.LogAttrs(r.Context(), slog.LevelInfo, "operator call", attrs...)
}

const shortLen = 8

// short is what of an id may be logged.
func short(id string) string { return id[:min(len(id), shortLen)] }

// inRoom reads the room of the path: what it is called in Redis.
func (h *handler) inRoom(call func(http.ResponseWriter, *http.Request, []string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ids, ok := h.roomIDs(r.PathValue("room"))
		if !ok {
			fail(w, http.StatusBadRequest, "a room is 1 to 128 unreserved characters (RFC 3986), 64 hex digits, or peerjs: and a PeerJS id")
			return
		}
		call(w, r, ids)
	}
}

// read reads the body of a call, one JSON object without fields that are not known.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	text, err := io.ReadAll(r.Body)
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &tooBig):
		fail(w, http.StatusRequestEntityTooLarge, "body too big")
		return false
	case err != nil:
		fail(w, http.StatusBadRequest, "body not read to its end")
		return false
	case !utf8.Valid(text):
		fail(w, http.StatusBadRequest, "body is not UTF-8")
		return false
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		fail(w, http.StatusBadRequest, "want a JSON object: "+err.Error())
		return false
	}
	if d.More() {
		fail(w, http.StatusBadRequest, "want one JSON object")
		return false
	}
	return true
}

// answer writes a JSON body.
func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // if it cannot be written, the caller is gone
}

// fail answers with why not.
func fail(w http.ResponseWriter, status int, why string) {
	answer(w, status, map[string]string{"error": why})
}

// retryAfter is when to try again while Redis is away, seconds.
const retryAfter = 1

// unavailable answers that Redis did not do it, or did not say so.
func (h *handler) unavailable(w http.ResponseWriter, err error) {
	if !errors.Is(err, streams.ErrUnavailable) && !errors.Is(err, streams.ErrBusy) && !errors.Is(err, streams.ErrClosed) {
		h.Logger.Warn("operator call failed", "error", err)
	}
	w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	fail(w, http.StatusServiceUnavailable, fmt.Sprintf("not done, try again: %v", err))
}

// recorder notes the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find what is below.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// discard is a response that is thrown away.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}
