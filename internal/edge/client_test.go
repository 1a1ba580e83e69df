package edge_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rejoin-dev/rejoin/internal/edge"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/internal/wsframe/wsframetest"
)

const (
	room    = "/00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	connect = room + "?source=wallet&target=extension"
	key     = "dGhlIHNhbXBsZSBub25jZQ==" // of RFC 6455 section 1.3
	accept  = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// rig is a listening server with its hub.
type rig struct {
	*edge.Server
	hub *testHub
	reg *prometheus.Registry
}

func start(t testing.TB, hub *testHub, change func(*edge.Config)) *rig {
	t.Helper()
	r := startWith(t, hub, change)
	r.hub = hub
	return r
}

func startWith(t testing.TB, hub edge.Hub, change func(*edge.Config)) *rig {
	t.Helper()
	return startLogged(t, hub, change, slog.New(slog.DiscardHandler))
}

func startLogged(t testing.TB, hub edge.Hub, change func(*edge.Config), log *slog.Logger) *rig {
	t.Helper()
	cfg := edge.DefaultConfig()
	cfg.Addr, cfg.Loops, cfg.RateLimit = "127.0.0.1:0", 2, 0
	if change != nil {
		change(&cfg)
	}
	reg := prometheus.NewRegistry()
	server, err := edge.New(cfg, hub, reg, log)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return &rig{Server: server, reg: reg}
}

// metric returns the value of a counter or gauge, labels given as name=value.
func (r *rig) metric(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			found := 0
			for _, l := range m.GetLabel() {
				for _, want := range labels {
					if l.GetName()+"="+l.GetValue() == want {
						found++
					}
				}
			}
			if found == len(labels) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	t.Fatalf("no metric %s %v", name, labels)
	return 0
}

// client is a raw TCP client: bytes in, bytes out.
type client struct {
	net.Conn
	t  testing.TB
	in *bufio.Reader
}

func (r *rig) dial(t testing.TB) *client {
	t.Helper()
	conn, err := net.Dial("tcp", r.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &client{conn, t, bufio.NewReader(conn)}
}

// upgrade dials and shakes hands for target.
func (r *rig) upgrade(t testing.TB, target string, headers ...string) *client {
	t.Helper()
	c := r.dial(t)
	c.send(request(target, headers...))
	if status, _, _ := c.response(); status != 101 {
		t.Fatalf("upgrade answered %d", status)
	}
	return c
}

// open upgrades and returns the session too.
func (r *rig) open(t testing.TB) (*client, *testSession) {
	t.Helper()
	c := r.upgrade(t, connect)
	return c, r.hub.session(t)
}

// request is a correct upgrade request with further header lines.
func request(target string, headers ...string) string {
	lines := append([]string{
		"GET " + target + " HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: keep-alive, Upgrade",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + key,
	}, headers...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// keepLittle limits the kernel's buffer for this client, which otherwise varies up to megabytes.
func (c *client) keepLittle() {
	c.t.Helper()
	if err := c.Conn.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) send(text string) { c.write([]byte(text)) }

func (c *client) write(b []byte) {
	c.t.Helper()
	if _, err := c.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// response reads an HTTP response: status, header lines, body (when it has a length and is no 101).
func (c *client) response() (status int, header map[string]string, body string) {
	c.t.Helper()
	line, err := c.in.ReadString('\n')
	if err != nil {
		c.t.Fatalf("read status line: %v", err)
	}
	status, err = strconv.Atoi(strings.Fields(line)[1])
	if err != nil {
		c.t.Fatal(err)
	}
	header = map[string]string{}
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			c.t.Fatal(err)
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ": ")
		header[name] = value
	}
	if status != 101 {
		b, err := io.ReadAll(c.in)
		if err != nil {
			c.t.Fatal(err)
		}
		body = string(b)
	}
	return status, header, body
}

// Short names for package wsframetest, which these tests use all the time.
const (
	text, binaryFrame, cont = wsframetest.Text, wsframetest.Binary, wsframetest.Last
	textPart                = wsframetest.TextPart
	closeFrame, ping, pong  = wsframetest.CloseFrame, wsframetest.Ping, wsframetest.Pong
)

func frame(first byte, payload []byte) []byte { return wsframetest.Frame(first, payload) }

func closeBody(code uint16, reason string) []byte { return wsframetest.CloseBody(code, reason) }

func join(parts ...[]byte) []byte { return wsframetest.Join(parts...) }

// read reads one frame of the server.
func (c *client) read() (first byte, payload []byte, err error) {
	var h [2]byte
	if _, err := io.ReadFull(c.in, h[:]); err != nil {
		return 0, nil, err
	}
	if h[1]&0x80 != 0 {
		return 0, nil, errors.New("server sent a masked frame")
	}
	n := int(h[1])
	switch n {
	case 126:
		var l [2]byte
		_, err = io.ReadFull(c.in, l[:])
		n = int(binary.BigEndian.Uint16(l[:]))
	case 127:
		var l [8]byte
		_, err = io.ReadFull(c.in, l[:])
		n = int(binary.BigEndian.Uint64(l[:]))
	}
	if err != nil {
		return 0, nil, err
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(c.in, payload)
	return h[0], payload, err
}

// expect reads one frame and compares.
func (c *client) expect(first byte, payload []byte) {
	c.t.Helper()
	gotFirst, got, err := c.read()
	if err != nil {
		c.t.Fatalf("read frame: %v", err)
	}
	if gotFirst != first || !bytes.Equal(got, payload) {
		c.t.Fatalf("got frame %#x %.80q (%d bytes), want %#x %.80q (%d bytes)", gotFirst, got, len(got), first, payload, len(payload))
	}
}

// expectClose reads frames up to a close frame with code, then a clean end of file: a reset may eat the close frame.
func (c *client) expectClose(code wire.CloseCode, reason string) {
	c.t.Helper()
	for {
		first, payload, err := c.read()
		if err != nil {
			c.t.Fatalf("no close frame: %v", err)
		}
		if first != closeFrame {
			continue
		}
		got, gotReason := wire.CloseNoStatus, ""
		if len(payload) >= 2 {
			got, gotReason = wire.CloseCode(binary.BigEndian.Uint16(payload)), string(payload[2:])
		}
		if got != code || reason != "*" && gotReason != reason {
			c.t.Fatalf("closed with %d %q, want %d %q", got, gotReason, code, reason)
		}
		break
	}
	if rest, err := io.ReadAll(c.in); err != nil || len(rest) > 0 {
		c.t.Fatalf("after the close frame: %d bytes, %v", len(rest), err)
	}
}
