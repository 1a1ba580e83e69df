package suite

import (
	"bufio"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Opcodes (RFC 6455 section 5.2).
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
)

// socket is a WebSocket spoken by hand, so that what is sent can be wrong and what is received is seen as it is.
type socket struct {
	p    *probe
	conn net.Conn
	in   *bufio.Reader
	resp *http.Response

	frames chan received // filled by listen
	// deaf keeps pings unanswered, as a connection does that the network has forgotten.
	deaf atomic.Bool
	mu   sync.Mutex // guards writing

	rejoin     bool     // the service speaks rejoin.v1 on it
	iceServers []string // messages that read kept aside
}

// request sends a request head, verbatim, and reads the answer's. A service that says that it is overloaded is asked again when it says, as P2.7 wants it.
func (p *probe) request(base, head string) *socket {
	for end := p.deadline(); ; {
		s := p.requestOnce(base, head)
		wait, err := strconv.Atoi(s.resp.Header.Get("Retry-After"))
		again := time.Now().Add(time.Duration(wait) * time.Second)
		if s.resp.StatusCode != http.StatusServiceUnavailable || err != nil || again.After(end) {
			return s
		}
		_ = s.conn.Close()
		select {
		case <-time.After(time.Until(again)):
		case <-p.ctx.Done():
			return s
		}
	}
}

func (p *probe) requestOnce(base, head string) *socket {
	conn, host := p.dial(base)
	s := &socket{p: p, conn: conn, in: bufio.NewReader(conn)}
	p.sockets = append(p.sockets, s)
	s.write([]byte(strings.ReplaceAll(head, "{host}", host)))
	p.must(conn.SetReadDeadline(p.deadline()), "set deadline")
	line, _, _ := strings.Cut(head, "\r\n")
	method, _, _ := strings.Cut(line, " ")
	resp, err := http.ReadResponse(s.in, &http.Request{Method: method}) // an answer to HEAD has no body
	p.must(err, "read the answer to "+line)
	s.resp = resp
	return s
}

// upgradeHead is the head of an upgrade request.
func upgradeHead(target, key string, headers ...string) string {
	head := "GET " + target + " HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + "\r\n"
	for _, h := range headers {
		head += h + "\r\n"
	}
	return head + "\r\n"
}

func newKey() string {
	var key [16]byte
	_, _ = rand.Read(key[:]) // never fails
	return base64.StdEncoding.EncodeToString(key[:])
}

// open upgrades at a request target of the instance. It shows a token where one is needed, unless headers do.
func (p *probe) open(base, target string, headers ...string) *socket {
	key := newKey()
	all := strings.Join(headers, "\n")
	if !strings.Contains(all, "Authorization: ") && !strings.Contains(all, "rejoin.auth.") {
		headers = append(headers, p.ticket()...)
	}
	s := p.request(base, upgradeHead(prefix(base)+target, key, headers...))
	want(p, "status of the upgrade", s.resp.StatusCode, http.StatusSwitchingProtocols)
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	p.must(s.conn.SetReadDeadline(time.Time{}), "set deadline")
	want(p, "Sec-WebSocket-Accept", s.resp.Header.Get("Sec-WebSocket-Accept"), base64.StdEncoding.EncodeToString(sum[:]))
	s.rejoin = s.resp.Header.Get("Sec-WebSocket-Protocol") == "rejoin.v1"
	s.frames = make(chan received, 4096)
	p.wg.Go(s.listen)
	return s
}

// plain joins this check's room in the plain dialect.
func (p *probe) plain(base, role string) *socket { return p.open(base, p.path(role)) }

func (s *socket) write(b []byte) { s.p.must(s.tryWrite(b), "write") }

func (s *socket) tryWrite(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.conn.SetWriteDeadline(s.p.deadline()); err != nil {
		return err
	}
	_, err := s.conn.Write(b)
	return err
}

// frame encodes one masked frame; first is its first byte.
func frame(first byte, payload []byte) []byte {
	out := []byte{first}
	switch n := len(payload); {
	case n < 126:
		out = append(out, 0x80|byte(n))
	case n < 1<<16:
		out = binary.BigEndian.AppendUint16(append(out, 0x80|126), uint16(n))
	default:
		out = binary.BigEndian.AppendUint64(append(out, 0x80|127), uint64(n))
	}
	mask := [4]byte{0x12, 0x34, 0x56, 0x78}
	out = append(out, mask[:]...)
	for i, b := range payload {
		out = append(out, b^mask[i%4])
	}
	return out
}

func (s *socket) text(m string)             { s.write(frame(0x80|opText, []byte(m))) }
func (s *socket) binary(m string)           { s.write(frame(0x80|opBinary, []byte(m))) }
func (s *socket) ping(data string)          { s.write(frame(0x80|opPing, []byte(data))) }
func (s *socket) control(op byte, b []byte) { s.write(frame(0x80|op, b)) }

func closeBody(code int, reason string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...)
}

// next returns the next message; the connection must not end.
func (s *socket) next() string {
	m, end := s.read()
	if end != nil {
		s.p.fail("%v", end)
	}
	return m
}

// want reads messages that must be these, byte by byte.
func (s *socket) want(messages ...string) {
	for _, w := range messages {
		if got := s.next(); got != w {
			s.p.fail("got  %s\nwant %s", got, w)
		}
	}
}

// wantClose reads until the connection closes, which must be with this code and reason; messages before that are passed over.
func (s *socket) wantClose(code int, reason string) {
	for {
		_, end := s.read()
		if end == nil {
			continue
		}
		if end.code != code || end.reason != reason {
			s.p.fail("%v, want %d %q", end, code, reason)
		}
		return
	}
}

// leave closes with a code (0: none) and waits for the echo.
func (s *socket) leave(code int) {
	var body []byte
	if code != 0 {
		body = closeBody(code, "")
	}
	s.control(opClose, body)
	for {
		if _, end := s.read(); end != nil {
			_ = s.conn.Close()
			return
		}
	}
}

// drop resets the TCP connection, without a close frame.
func (s *socket) drop() {
	if t, ok := s.conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0) // RST: nothing that is under way is waited for
	}
	_ = s.conn.Close()
}

// hangUp ends the TCP connection with FIN.
func (s *socket) hangUp() { _ = s.conn.Close() }
