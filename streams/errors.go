package streams

import (
	"context"
	"errors"
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
	answered verdict = iota // a reply, or an error that repeating does not change
	unloaded                // NOSCRIPT: load and repeat
	repeat                  // nothing is known, or not now: repeat
	refused                 // OOM
)

// judge tells what an error of a command in a pipeline means for that command.
func judge(err error) verdict {
	if err == nil || errors.Is(err, redis.Nil) {
		return answered
	}
	var reply redis.Error
	if !errors.As(err, &reply) || errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, context.Canceled) {
		return repeat
	}
	msg := reply.Error()
	switch {
	case strings.HasPrefix(msg, "NOSCRIPT"):
		return unloaded
	case strings.HasPrefix(msg, "OOM"), strings.Contains(msg, "OOM command not allowed"):
		return refused
	}
	for _, p := range []string{
		"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK", "NOREPLICAS", "UNBLOCKED",
		"ERR max number of clients",
	} {
		if strings.HasPrefix(msg, p) || strings.Contains(msg, "-"+p) {
			return repeat
		}
	}
	return answered
}
