package streams

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/rejoin-dev/rejoin/streams/internal/pipeline"
)

var (
	// ErrUnavailable: Redis did not answer in time. The step may or may not have run; every step can be repeated safely.
	ErrUnavailable = pipeline.ErrUnavailable
	// ErrBusy: Redis refuses to store more (OOM), or this instance has too many calls waiting. Retry later.
	ErrBusy = pipeline.ErrBusy
	// ErrClosed: the backbone is shut down.
	ErrClosed = pipeline.ErrClosed
)

func asReply(err error, reply *redis.Error) bool { return errors.As(err, reply) }

// explain adds advice for the operator to an error from Redis or from the network. It wraps the error.
func explain(err error) error {
	if err == nil {
		return nil
	}
	if hint := hintOf(err); hint != "" {
		return fmt.Errorf("redis: %s: %w", hint, err)
	}
	return fmt.Errorf("redis: %w", err)
}

func hintOf(err error) string {
	var (
		dns       *net.DNSError
		unknown   x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		notTLS    tls.RecordHeaderError
		alert     tls.AlertError
		reply     redis.Error
		operation *net.OpError
	)
	switch {
	case errors.As(err, &dns):
		return "the host in REDIS_URL has no address"
	case errors.As(err, &unknown), errors.As(err, &invalid), errors.As(err, &host):
		return "the TLS certificate is not accepted"
	case errors.As(err, &notTLS), errors.As(err, &alert), strings.Contains(err.Error(), "TLS handshake"):
		return "TLS failed; rediss:// is for servers that speak TLS, redis:// for those that do not"
	case asReply(err, &reply):
		return replyHint(reply.Error())
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return "no answer in time"
	case errors.As(err, &operation) && operation.Op == "dial":
		return "cannot connect"
	}
	return ""
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// replyHint is about error replies.
func replyHint(msg string) string {
	for _, h := range []struct{ prefix, hint string }{
		{"WRONGPASS", "user or password in REDIS_URL are refused"},
		{"ERR invalid password", "the password in REDIS_URL is refused"},
		{"NOAUTH", "a password is wanted; give it in REDIS_URL"},
		{"ERR AUTH", "the server has no password, REDIS_URL has one"},
		{"ERR Client sent AUTH", "the server has no password, REDIS_URL has one"},
		{"NOPERM", "the user's ACL does not allow this"},
		{"ERR DB index", "there is no such database"},
		{"ERR SELECT is not allowed", "a cluster has only database 0"},
		{"MOVED", "this is a node of a cluster"},
		{"CLUSTERDOWN", "the cluster does not serve all slots"},
		{"LOADING", "the server is loading its data"},
		{"READONLY", "this is a replica, not the primary"},
		{"MASTERDOWN", "this is a replica that lost its primary"},
		{"MISCONF", "the server cannot save its data and refuses writes"},
		{"NOREPLICAS", "the server has too few replicas and refuses writes"},
		{"BUSY ", "the server is busy with a script"},
		{"DENIED", "the server is in protected mode"},
		{"OOM", "the server's memory is full"},
		{"ERR max number of clients", "the server has no connection left"},
	} {
		if strings.HasPrefix(msg, h.prefix) || strings.Contains(msg, "-"+h.prefix) {
			return h.hint
		}
	}
	return ""
}
