package upgrade

import (
	"net/http"
	"strconv"
	"time"
)

// Response is an HTTP response. The connection is closed after it.
type Response struct {
	Status int
	phrase string
	body   string
	header string // further header lines, each with its CR LF
	kind   string // Content-Type; "" for a line of text, which gets its line feed
}

// The responses to requests that are not WebSocket upgrades, or whose upgrade cannot be granted.
var (
	Health     = Response{Status: 200, phrase: "OK", body: "ok", header: "Cache-Control: no-store\r\n"}
	BadRequest = Response{Status: 400, phrase: "Bad Request", body: "malformed request"}
	Forbidden  = Response{Status: 403, phrase: "Forbidden", body: "origin not allowed"}
	NotFound   = Response{Status: 404, phrase: "Not Found", body: "not found"}
	BadMethod  = Response{Status: 405, phrase: "Method Not Allowed", body: "method not allowed", header: "Allow: GET, HEAD\r\n"}
	Timeout    = Response{Status: 408, phrase: "Request Timeout", body: "request took too long"}
	Required   = Response{
		Status: 426, phrase: "Upgrade Required", body: "WebSocket version 13 required",
		header: "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
	}
	HeadTooBig = Response{Status: 431, phrase: "Request Header Fields Too Large", body: "request head too large"}
)

// TooMany is the response to a client address that has too many connections. The client may retry after that time, rounded up to seconds.
func TooMany(retryAfter time.Duration) Response {
	return Response{Status: 429, phrase: "Too Many Requests", body: "too many connections from this address", header: retry(retryAfter)}
}

// Unavailable is the response while the server takes no more clients. The client may retry after that time, rounded up to seconds.
func Unavailable(retryAfter time.Duration) Response {
	return Response{Status: 503, phrase: "Service Unavailable", body: "unavailable, try again later", header: retry(retryAfter)}
}

// Unauthorized is the response to a client that may not connect: challenge is what WWW-Authenticate says (RFC 6750 section 3).
func Unauthorized(status int, challenge, text string) Response {
	return Response{Status: status, phrase: http.StatusText(status), body: text, header: "WWW-Authenticate: " + challenge + "\r\n"}
}

// NotYet is the 503 of [Unavailable] with a text of its own.
func NotYet(retryAfter time.Duration, text string) Response {
	r := Unavailable(retryAfter)
	r.body = text
	return r
}

func retry(after time.Duration) string {
	seconds := (after + time.Second - 1) / time.Second
	return "Retry-After: " + strconv.Itoa(int(seconds)) + "\r\n"
}

// httpTime is the layout of a Date header (RFC 9110 section 5.6.7).
const httpTime = "Mon, 02 Jan 2006 15:04:05 GMT"

// Append appends the response.
func (r *Response) Append(dst []byte, now time.Time) []byte {
	dst = append(r.AppendHead(dst, now), r.body...)
	if r.kind == "" {
		dst = append(dst, '\n')
	}
	return dst
}

// AppendHead appends the response without its body but with its length, as HEAD is answered (RFC 9110 section 9.3.2).
func (r *Response) AppendHead(dst []byte, now time.Time) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(r.Status), 10)
	dst = append(dst, ' ')
	dst = append(dst, r.phrase...)
	dst = append(dst, "\r\nDate: "...)
	dst = now.UTC().AppendFormat(dst, httpTime)
	kind, length := r.kind, len(r.body)
	if kind == "" {
		kind, length = "text/plain; charset=utf-8", length+1
	}
	dst = append(append(dst, "\r\nContent-Type: "...), kind...)
	dst = append(dst, "\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(length), 10)
	dst = append(dst, "\r\nConnection: close\r\n"...)
	if r.Status == Required.Status {
		// RFC 9110 section 7.8: a sender of Upgrade lists it in Connection too.
		dst = append(dst[:len(dst)-2], ", Upgrade\r\n"...)
	}
	dst = append(dst, r.header...)
	return append(dst, "\r\n"...)
}
