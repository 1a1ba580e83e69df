package upgrade

import (
	"crypto/sha1"
	"encoding/base64"
)

// AppendSwitch appends the 101 to an upgrade (RFC 6455 section 4.2.2). protocol is the subprotocol that the server picked, "" for none.
func AppendSwitch(dst, key []byte, protocol string) []byte {
	const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // of section 1.3
	var salted [keyLen + len(guid)]byte
	copy(salted[copy(salted[:], key):], guid)
	sum := sha1.Sum(salted[:])
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	dst = base64.StdEncoding.AppendEncode(dst, sum[:])
	if protocol != "" {
		dst = append(append(dst, "\r\nSec-WebSocket-Protocol: "...), protocol...)
	}
	return append(dst, "\r\n\r\n"...)
}
