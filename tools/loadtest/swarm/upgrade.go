package swarm

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// The key and what a server has to make of it (RFC 6455 section 4.2.2); computing it 15,000 times proves nothing.
const (
	handshakeKey = "dGhlIHNhbXBsZSBub25jZQ=="
	acceptKey    = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// maxHead bounds the head of an answer, bytes.
const maxHead = 8 << 10

var errAcceptKey = errors.New("upgrade without the right Sec-WebSocket-Accept")

// StatusError is an answer to an upgrade that was no 101.
type StatusError struct {
	Line       string
	RetryAfter time.Duration // 0: it does not say
}

func (e *StatusError) Error() string { return fmt.Sprintf("upgrade answered %q", e.Line) }

// Request returns the canned upgrade of a request target; protocols go into Sec-WebSocket-Protocol unless empty.
func Request(host, target, protocols string) []byte {
	b := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n", target, host, handshakeKey)
	if protocols != "" {
		b = fmt.Appendf(b, "Sec-WebSocket-Protocol: %s\r\n", protocols)
	}
	return append(b, "\r\n"...)
}

// readHead takes the head of the answer from the front of b. size is 0 while it is incomplete.
func readHead(b []byte) (size int, err error) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		if len(b) > maxHead {
			return 0, fmt.Errorf("head of the answer is over %d bytes", maxHead)
		}
		return 0, nil
	}
	head := b[:end]
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) {
		line, fields, _ := bytes.Cut(head, []byte("\r\n"))
		return 0, &StatusError{string(line), retryAfter(fields)}
	}
	if !bytes.Contains(head, []byte(acceptKey)) {
		return 0, errAcceptKey
	}
	return end + 4, nil
}

// retryAfter returns the field of that name, in seconds as all servers here write it.
func retryAfter(fields []byte) time.Duration {
	for line := range bytes.Lines(fields) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("Retry-After")) {
			seconds, _ := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 16)
			return time.Duration(seconds) * time.Second
		}
	}
	return 0
}
