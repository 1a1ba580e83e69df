package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// Answers to a message, and reasons for the end of a Client. Test with errors.Is.
var (
	// ErrMissingRemoteClient: the target is not a peer in this room that is live or in its grace window.
	ErrMissingRemoteClient = errors.New("missing remote client")
	// ErrMailboxFull: too much is waiting for the peer. When it has caught up, try again with a new message and a new request id (rejoin.v1).
	ErrMailboxFull = errors.New("mailbox full")
	// ErrTooBig: the message is larger than the server accepts; it was not sent.
	ErrTooBig = errors.New("message too big")
	// ErrDuplicateRequestID: a message with this request id is still unanswered.
	ErrDuplicateRequestID = errors.New("duplicate request id")
	// ErrUnconfirmed: the plain connection was lost before the answer came; the message may have arrived.
	ErrUnconfirmed = errors.New("connection lost before the answer")
	// ErrRateLimited: the server closed with 1013.
	ErrRateLimited = errors.New("rate limited")
	// ErrResumedElsewhere: another connection took over the session (close code 4001).
	ErrResumedElsewhere = errors.New("resumed elsewhere")
	// ErrUnauthorized: the server asks for a token, has refused ours (401, 403), or it has expired (close code 4003). With Config.Auth, a
	// fresh one was refused too.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrRemoved: the operator ended the session (close code 4004).
	ErrRemoved = errors.New("removed by the operator")
	// ErrClosed: Close, Detach or Abort was called.
	ErrClosed = errors.New("client closed")
	// ErrNoSession: the server does not speak rejoin.v1.
	ErrNoSession = errors.New("server does not speak rejoin.v1")
)

var (
	errMoved   = errors.New("moved to a new connection")
	errDropped = errors.New("dropped by the application")
)

// ValidationError is the server's answer to a malformed message (rule P6.2).
type ValidationError struct {
	// Issues is the JSON array of issues as the server sent it.
	Issues json.RawMessage
}

func (e *ValidationError) Error() string { return "message refused: " + string(e.Issues) }

// CloseError is a close frame from the server (rule X1).
type CloseError struct {
	Code   int
	Reason string
}

func (e *CloseError) Error() string { return fmt.Sprintf("closed with %d %q", e.Code, e.Reason) }

// Is makes a CloseError match the named error for its code.
func (e *CloseError) Is(target error) bool {
	return closeErrors[e.Code] == target && target != nil
}

var closeErrors = map[int]error{1013: ErrRateLimited, 4001: ErrResumedElsewhere, 4003: ErrUnauthorized, 4004: ErrRemoved}

// RefusedError is an HTTP response instead of an upgrade (rules P2).
type RefusedError struct {
	Status int
	// RetryAfter is how long the server asks to wait, at most 5 minutes; 0 if it does not say.
	RetryAfter time.Duration
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("upgrade refused with %d %s", e.Status, http.StatusText(e.Status))
}

// Is makes a RefusedError match ErrUnauthorized if the server asked for a token or refused it.
func (e *RefusedError) Is(target error) bool {
	return target == ErrUnauthorized && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden)
}

// unconfirmed is the outcome of a plain message without an answer.
func unconfirmed(cause error) error { return fmt.Errorf("%w: %w", ErrUnconfirmed, cause) }

// asCloseError converts the library's close error to ours and returns other errors as they are.
func asCloseError(err error) error {
	var ce websocket.CloseError
	if errors.As(err, &ce) {
		return &CloseError{Code: int(ce.Code), Reason: ce.Reason}
	}
	return err
}

// isFinal reports whether another attempt could only end the same way.
func isFinal(err error) bool {
	if ce := (*CloseError)(nil); errors.As(err, &ce) {
		switch ce.Code {
		case 1002, 1003, 1007, 1008, 1009, 4001, 4003, 4004:
			return true
		}
		return false
	}
	if re := (*RefusedError)(nil); errors.As(err, &re) {
		switch re.Status {
		case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
			return false
		}
		return re.Status < http.StatusInternalServerError
	}
	return errors.Is(err, ErrNoSession) || errors.Is(err, ErrClosed)
}

// isOverload reports whether the server closed because of too much load or too many attempts.
func isOverload(err error) bool {
	ce := (*CloseError)(nil)
	return errors.As(err, &ce) && (ce.Code == 1011 || ce.Code == 1013)
}
