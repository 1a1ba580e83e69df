package wsframe

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

// AppendClose appends a close frame (RFC 6455 section 5.5.1). Its body is empty if code is CloseNoStatus. A reason that is too long
// for a control frame is cut.
func AppendClose(dst []byte, code wire.CloseCode, reason string) []byte {
	if code == wire.CloseNoStatus {
		return appendHeader(dst, ws.OpClose, 0)
	}
	reason = reason[:min(len(reason), MaxControlPayload-2)]
	dst = appendHeader(dst, ws.OpClose, 2+len(reason))
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	return append(dst, reason...)
}

// closeEvent reads the body of a client's close frame.
func closeEvent(body []byte) Event {
	code := wire.CloseNoStatus
	if len(body) >= 2 {
		code = wire.CloseCode(binary.BigEndian.Uint16(body))
	}
	switch {
	case len(body) == 1 || len(body) >= 2 && !mayClose(code):
		return violation(wire.CloseProtocolError, reasonBadCloseBody)
	case len(body) > 2 && !utf8.Valid(body[2:]):
		return violation(wire.CloseInvalidPayload, wire.ReasonInvalidUTF8)
	}
	return Event{Kind: Close, Code: code}
}

// mayClose reports whether a close frame may carry the code: the registered ones (RFC 6455 section 7.4.1 and the IANA registry),
// and the ranges for libraries and applications (section 7.4.2).
func mayClose(code wire.CloseCode) bool {
	return 1000 <= code && code <= 1003 || 1007 <= code && code <= 1014 || 3000 <= code && code <= 4999
}
