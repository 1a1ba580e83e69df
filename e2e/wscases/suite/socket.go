package suite

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6455 section 4.2.2 asks for it
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// socket is a WebSocket spoken by hand. It is for one goroutine.
type socket struct {
	conn net.Conn
	in   *bufio.Reader
	key  string
}

// dial connects to the host of a base URL, ws:// or wss://. The connection ends with ctx.
func dial(ctx context.Context, base string) (*socket, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("parse URL: %w", err)
	}
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = map[bool]string{false: "80", true: "443"}[u.Scheme == "wss"]
	}
	var d interface {
		DialContext(ctx context.Context, network, addr string) (net.Conn, error)
	} = &net.Dialer{}
	if u.Scheme == "wss" {
		d = &tls.Dialer{}
	}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("set deadline: %w", err)
	}
	var key [16]byte
	_, _ = rand.Read(key[:]) // never fails
	return &socket{conn, bufio.NewReader(conn), base64.StdEncoding.EncodeToString(key[:])}, nil
}

// close ends the connection at once.
func (s *socket) close() { _ = s.conn.Close() }

// request returns the head of an upgrade request.
func (s *socket) request(base, target string, headers []string) []byte {
	u, _ := url.Parse(base) // dial has parsed it
	lines := append([]string{
		"GET " + strings.TrimSuffix(u.Path, "/") + target + " HTTP/1.1", "Host: " + u.Host, "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + s.key,
	}, headers...)
	return []byte(strings.Join(lines, "\r\n") + "\r\n\r\n")
}

// upgraded reads the answer to the request, which has to be a 101 that negotiates nothing.
func (s *socket) upgraded() error {
	resp, err := http.ReadResponse(s.in, nil)
	if err != nil {
		return fmt.Errorf("read the answer to the upgrade: %w", err)
	}
	sum := sha1.Sum([]byte(s.key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // see the import
	switch {
	case resp.StatusCode != http.StatusSwitchingProtocols:
		return fmt.Errorf("upgrade answered %d", resp.StatusCode)
	case resp.Header.Get("Sec-WebSocket-Accept") != base64.StdEncoding.EncodeToString(sum[:]):
		return errors.New("wrong Sec-WebSocket-Accept")
	case len(resp.Header.Values("Sec-WebSocket-Extensions")) > 0:
		return fmt.Errorf("extensions negotiated: %q", resp.Header.Values("Sec-WebSocket-Extensions"))
	}
	return nil
}

func (s *socket) write(b []byte) error {
	_, err := s.conn.Write(b)
	return err
}

// read reads one frame. Frames of a server are final here, without reserved bits, not masked, and their lengths are as
// short as can be (RFC 6455 section 5.2).
func (s *socket) read() (op byte, payload []byte, err error) {
	var h [2]byte
	if _, err := io.ReadFull(s.in, h[:]); err != nil {
		return 0, nil, err
	}
	n := uint64(h[1])
	least := uint64(0)
	switch h[1] {
	case 126:
		n, least = s.length(2), 126
	case 127:
		n, least = s.length(8), 1<<16
	}
	if h[0]&0xf0 != 0x80 || h[1]&0x80 != 0 || n < least || n > 1<<20 {
		return 0, nil, fmt.Errorf("server sent a frame that begins with %x, length %d", h, n)
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(s.in, payload)
	return h[0], payload, err
}

// length reads an extended length, 0 when there is none.
func (s *socket) length(n int) uint64 {
	var b [8]byte
	if _, err := io.ReadFull(s.in, b[8-n:]); err != nil {
		return 0
	}
	return binary.BigEndian.Uint64(b[:])
}

// atEnd wants the end of the stream, which has to be clean: a reset may eat the close frame.
func (s *socket) atEnd() error {
	rest, err := io.ReadAll(s.in)
	if err != nil {
		return fmt.Errorf("after the close frame: %w", err)
	}
	if len(rest) > 0 {
		return fmt.Errorf("%d bytes after the close frame", len(rest))
	}
	return nil
}

// patience is how long one run of one case may take.
const patience = 30 * time.Second
