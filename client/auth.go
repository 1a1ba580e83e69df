package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// maxRefusals is how often in a row the server may refuse before the client gives up: a token that had got old, then a fresh one.
const maxRefusals = 2

// tokens keeps the token that lets the client in. Owned by the goroutine that makes attempts: Dial, then the supervisor.
type tokens struct {
	get      func(context.Context) (string, error) // nil: no token is shown
	token    string
	held     bool
	refusals int
}

// current is the token to show, "" for none. It blocks while the application gets one.
func (t *tokens) current(ctx context.Context) (string, error) {
	if t.held || t.get == nil {
		return t.token, nil
	}
	token, err := t.get(ctx)
	if err != nil {
		return "", fmt.Errorf("get token: %w", err)
	}
	if strings.ContainsAny(token, "\r\n\x00") {
		return "", errors.New("get token: a line break in it") // and a secret is not repeated
	}
	t.token, t.held = token, true
	return token, nil
}

// forget makes the next attempt ask again.
func (t *tokens) forget() { t.token, t.held = "", false }

// refused reports whether an attempt failed because of its token and another one may do.
func (t *tokens) refused(err error) bool {
	if !t.expired(err) {
		return false
	}
	t.refusals++
	return t.refusals < maxRefusals
}

// expired reports whether err is about the token of a connection, and the application has others.
func (t *tokens) expired(err error) bool {
	if t.get == nil || !errors.Is(err, ErrUnauthorized) {
		return false
	}
	t.forget()
	return true
}

func (t *tokens) accepted() { t.refusals = 0 }
