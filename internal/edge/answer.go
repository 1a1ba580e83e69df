package edge

import (
	"strconv"
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
)

// answer is an HTTP response. The connection is closed after it.
type answer struct {
	status int
	phrase string
	body   string
	header string // further header lines, each with its CR LF
}

// What is no WebSocket, or none that can be had, is answered by one of these.
var (
	answerHealth     = answer{200, "OK", "ok", "Cache-Control: no-store\r\n"}
	answerBadRequest = answer{400, "Bad Request", "malformed request", ""}
	answerForbidden  = answer{403, "Forbidden", "origin not allowed", ""}
	answerNotFound   = answer{404, "Not Found", "not found", ""}
	answerMethod     = answer{405, "Method Not Allowed", "method not allowed", "Allow: GET, HEAD\r\n"}
	answerTimeout    = answer{408, "Request Timeout", "request took too long", ""}
	answerUpgrade    = answer{
		426, "Upgrade Required", "WebSocket version 13 required",
		"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
	}
	answerTooMany     = answer{429, "Too Many Requests", "too many connections from this address", ""} // and Retry-After
	answerHeadTooBig  = answer{431, "Request Header Fields Too Large", "request head too large", ""}
	answerUnavailable = answer{503, "Service Unavailable", "unavailable, try again later", ""} // and Retry-After
)

// httpTime is the layout of a Date header (RFC 9110 section 5.6.7).
const httpTime = "Mon, 02 Jan 2006 15:04:05 GMT"

// append appends the response. RFC 9110 section 9.3.2: to a HEAD without the body, but with its length.
func (a *answer) append(dst []byte, now time.Time, head bool) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(a.status), 10)
	dst = append(dst, ' ')
	dst = append(dst, a.phrase...)
	dst = append(dst, "\r\nDate: "...)
	dst = now.UTC().AppendFormat(dst, httpTime)
	dst = append(dst, "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(a.body)+1), 10)
	dst = append(dst, "\r\nConnection: close\r\n"...)
	if a.status == answerUpgrade.status {
		// RFC 9110 section 7.8: whoever sends Upgrade lists it in Connection too.
		dst = append(dst[:len(dst)-2], ", Upgrade\r\n"...)
	}
	dst = append(dst, a.header...)
	dst = append(dst, "\r\n"...)
	if head {
		return dst
	}
	dst = append(dst, a.body...)
	return append(dst, '\n')
}

// answer sends an HTTP response and closes.
func (c *conn) answer(a *answer, head bool) {
	c.loop.srv.metrics.answered(a.status)
	c.loop.in.seal(c, signaling.End{})
	c.loop.reply = a.append(c.loop.reply[:0], time.Now(), head)
	c.writeNow(c.loop.reply)
	c.finish()
}
