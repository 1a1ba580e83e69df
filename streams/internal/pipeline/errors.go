package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

var (
	// ErrUnavailable: Redis did not answer in time. Whether the step was done is unknown; all steps may be repeated.
	ErrUnavailable = errors.New("redis unavailable")
	// ErrBusy: Redis refuses to store more (OOM), or this instance has too many calls waiting. Retry later.
	ErrBusy = errors.New("redis busy")
	// ErrClosed: the backbone is shut down.
	ErrClosed = errors.New("backbone closed")
)

type verdict uint8

const (
	replied    verdict = iota // a reply
	refused                   // OOM: nothing was written
	unloaded                  // NOSCRIPT: load and repeat
	serverWait                // the server, or the way to it, has trouble: all its calls wait
	roomWait                  // everything else: repeat, and let only the calls of this key wait
)

// ofServer are the errors that speak for the whole server, of Redis 6 to 8 and Valkey 7 to 9. One that is missing
// here costs only this: its calls wait key by key.
var ofServer = []string{
	"LOADING", "READONLY", "MASTERDOWN", "NOREPLICAS", "MISCONF", "BUSY ", "UNBLOCKED", "NOAUTH", "WRONGPASS", "DENIED",
	"ERR max number of clients", "ERR invalid password", "ERR AUTH", "ERR Client sent AUTH", "ERR DB index", "ERR SELECT is not allowed",
}

// judge tells what an error of a command in a pipeline means for that command.
func judge(err error) verdict {
	if err == nil || errors.Is(err, redis.Nil) {
		return replied
	}
	var reply redis.Error
	if !errors.As(err, &reply) || errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, context.Canceled) {
		return serverWait
	}
	msg := reply.Error()
	switch {
	case strings.HasPrefix(msg, "NOSCRIPT"):
		return unloaded
	case strings.HasPrefix(msg, "OOM"), strings.Contains(msg, "OOM command not allowed"):
		return refused
	}
	for _, p := range ofServer {
		// Older servers put the error of a command behind words of the script that made it.
		if strings.HasPrefix(msg, p) || strings.Contains(msg, "-"+p) {
			return serverWait
		}
	}
	return roomWait
}

func notNil(err error) error {
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}

func unavailable(cause error) error {
	if cause == nil {
		return ErrUnavailable
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, cause)
}
