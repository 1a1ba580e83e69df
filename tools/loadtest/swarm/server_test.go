//go:build linux

package swarm_test

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
)

// Opcodes, RFC 6455 section 5.2.
const (
	text     = 0x1
	goodbye  = 0x8
	ping     = 0x9
	pong     = 0xA
	question = "are you there"
)

// listen returns the address of a server that gives every connection to serve.
func listen(t *testing.T, serve func(net.Conn)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	ended := make(chan struct{})
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { defer c.Close(); serve(c) })
			wg.Go(func() { <-ended; c.Close() })
		}
	})
	t.Cleanup(func() { l.Close(); close(ended); wg.Wait() })
	return netip.MustParseAddrPort(l.Addr().String())
}

// accept reads an upgrade and accepts it.
func accept(c net.Conn) (*bufio.Reader, error) {
	r := bufio.NewReader(c)
	req, err := http.ReadRequest(r)
	if err != nil {
		return nil, err
	}
	if req.Header.Get("Sec-WebSocket-Protocol") != "a, b" || req.URL.Path != "/path" || req.Host != "test" {
		return nil, fmt.Errorf("request %+v", req)
	}
	sum := sha1.Sum([]byte(req.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	_, err = fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]))
	return r, err
}

// receive reads a client's frame.
func receive(r io.Reader) (op byte, payload []byte, err error) {
	head := make([]byte, 14)
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return 0, nil, err
	}
	if head[0]&0xf0 != 0x80 || head[1]&0x80 == 0 {
		return 0, nil, fmt.Errorf("frame begins with % x", head[:2])
	}
	more := 4
	switch head[1] & 0x7f {
	case 126:
		more += 2
	case 127:
		more += 8
	}
	if _, err := io.ReadFull(r, head[2:2+more]); err != nil {
		return 0, nil, err
	}
	n := int(head[1] & 0x7f)
	switch more {
	case 6:
		n = int(binary.BigEndian.Uint16(head[2:]))
	case 12:
		n = int(binary.BigEndian.Uint64(head[2:]))
	}
	mask := head[more-2 : more+2]
	payload = make([]byte, n)
	_, err = io.ReadFull(r, payload)
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	return head[0] & 0xf, payload, err
}

// frame returns a server's frame.
func frame(op byte, payload []byte) []byte {
	b := []byte{0x80 | op, byte(len(payload))}
	switch {
	case len(payload) > 0xffff:
		b[1] = 127
		b = binary.BigEndian.AppendUint64(b, uint64(len(payload)))
	case len(payload) > 125:
		b[1] = 126
		b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
	}
	return append(b, payload...)
}
