package suite

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Roles.
const (
	wallet    = "wallet"
	extension = "extension"
)

// probe is what a check works with: a room of its own, and sockets that are closed when the check ends. A check is one goroutine, beside the sockets' listeners.
type probe struct {
	ctx        context.Context
	cancel     context.CancelFunc
	a, b       string
	grace      time.Duration // 0 when not known
	patience   atomic.Int64  // a time.Duration; read by the sockets' goroutines
	secret     []byte        // nil: the service asks for no tokens
	admin      string        // "": no operator's calls
	adminToken string
	room       string
	sockets    []*socket
	wg         sync.WaitGroup // their listeners
	made       int            // request ids
}

func newProbe(ctx context.Context, t Target) *probe {
	ctx, cancel := context.WithTimeout(ctx, 6*t.Patience)
	p := &probe{
		ctx: ctx, cancel: cancel, a: t.A, b: t.B, grace: t.Grace, room: newRoom(),
		secret: t.Secret, admin: t.Admin, adminToken: t.AdminToken,
	}
	p.patience.Store(int64(t.Patience))
	return p
}

func newRoom() string {
	var id [32]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

func (p *probe) close() {
	for _, s := range p.sockets {
		_ = s.conn.Close()
	}
	p.cancel()
	p.wg.Wait()
}

// fail ends the check.
func (p *probe) fail(format string, args ...any) {
	panic(verdict{Fail, fmt.Sprintf(format, args...)})
}

// skip ends the check without a judgement.
func (p *probe) skip(format string, args ...any) {
	panic(verdict{Skip, fmt.Sprintf(format, args...)})
}

func (p *probe) must(err error, doing string) {
	if err != nil {
		p.fail("%s: %v", doing, err)
	}
}

// want fails unless got is want.
func want[T comparable](p *probe, what string, got, want T) {
	if got != want {
		p.fail("%s: got %v, want %v", what, got, want)
	}
}

// requestID is new with each call.
func (p *probe) requestID() string {
	p.made++
	return "q" + strconv.Itoa(p.made)
}

// deadline is when something that must happen now has not happened.
func (p *probe) deadline() time.Time {
	at := time.Now().Add(time.Duration(p.patience.Load()))
	if end, ok := p.ctx.Deadline(); ok && end.Before(at) {
		return end
	}
	return at
}

// dial opens a TCP, or TLS, connection to an instance and returns it with the Host to name.
func (p *probe) dial(base string) (net.Conn, string) {
	u, err := url.Parse(base)
	p.must(err, "parse URL")
	address, secure := u.Host, u.Scheme == "wss" || u.Scheme == "https"
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), map[bool]string{true: "443", false: "80"}[secure])
	}
	ctx, cancel := context.WithDeadline(p.ctx, p.deadline())
	defer cancel()
	var conn net.Conn
	if secure {
		conn, err = new(tls.Dialer).DialContext(ctx, "tcp", address)
	} else {
		conn, err = new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	p.must(err, "connect")
	return conn, u.Host
}

// prefix is the path of a base URL, without a slash at the end.
func prefix(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.EscapedPath(), "/")
}

func opposite(role string) string {
	if role == wallet {
		return extension
	}
	return wallet
}

// path is the request target of a role in this check's room.
func (p *probe) path(role string) string {
	return "/" + p.room + "?source=" + role + "&target=" + opposite(role)
}

// message is a valid message.
func message(requestID, method, target, payload string) string {
	return `{"requestId":"` + requestID + `","method":"` + method + `","targetClientId":"` + target + `","encryptedPayload":"` + payload + `"}`
}

// Frames as exact bytes.
func confirmation(requestID string) string {
	return `{"info":"confirmation","requestId":"` + requestID + `"}`
}

func missing(requestID string) string {
	return `{"info":"missingRemoteClientError","requestId":"` + requestID + `"}`
}

func peerInfo(info, id string) string {
	return `{"info":"remoteClient` + info + `","remoteClientId":"` + id + `"}`
}

func remoteData(data, from, requestID string) string {
	return `{"info":"remoteData","data":` + data + `,"remoteClientId":"` + from + `","requestId":"` + requestID + `"}`
}
