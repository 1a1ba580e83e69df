package suite

import (
	"io"
	"net/http"
	"strings"
)

func httpChecks() []check {
	return []check{
		{"http: malformed requests get 400, and the service lives on", "P2.1 P2.8", badRequests},
		{"http: other paths and methods get 404 and 405", "P2.3 P2.4", notFound},
		{"http: a room without an upgrade gets 426", "P2.5", upgradeRequired},
		{"http: a head that is too long gets 431", "P2.6", headTooLong},
		{"http: /health", "P2.8", health},
		{"http: one head, however it is written", "P2.9", spellings},
	}
}

// answer sends a head and returns the status and headers of the complete answer.
func (p *probe) answer(head string) (int, http.Header) {
	s := p.request(p.a, head)
	_, err := io.Copy(io.Discard, s.resp.Body)
	p.must(err, "read body")
	_ = s.resp.Body.Close()
	return s.resp.StatusCode, s.resp.Header
}

func (p *probe) wantStatus(head string, status int) http.Header {
	got, header := p.answer(head)
	line, _, _ := strings.Cut(head, "\r\n")
	want(p, "status of "+line, got, status)
	return header
}

func get(target string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: {host}\r\n\r\n"
}

func badRequests(p *probe) {
	good := upgradeHead(p.path(wallet), newKey())
	for _, head := range []string{
		upgradeHead("@[", newKey()),
		get("@["),
		get("no-slash"),
		upgradeHead(p.path(wallet), "short"),
		strings.Replace(good, "Sec-WebSocket-Key:", "X-Other:", 1),
		strings.Replace(good, "HTTP/1.1", "HTTP/x", 1),
		"nonsense\r\n\r\n",
	} {
		p.wantStatus(head, http.StatusBadRequest)
	}
	health(p)
}

func notFound(p *probe) {
	p.wantStatus(get("/nothing-here"), http.StatusNotFound)
	allow := p.wantStatus("POST "+p.path(wallet)+" HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n", http.StatusMethodNotAllowed)
	if !strings.Contains(allow.Get("Allow"), http.MethodGet) {
		p.fail("Allow: %q", allow.Get("Allow"))
	}
}

func upgradeRequired(p *probe) {
	for _, head := range []string{
		get(p.path(wallet)),
		strings.Replace(upgradeHead(p.path(wallet), newKey()), "Version: 13", "Version: 12", 1),
	} {
		h := p.wantStatus(head, http.StatusUpgradeRequired)
		want(p, "Upgrade", h.Get("Upgrade"), "websocket")
		want(p, "Sec-WebSocket-Version", h.Get("Sec-WebSocket-Version"), "13")
	}
}

// spellings are of heads that all mean the same.
func spellings(p *probe) {
	const upgrade, connection = "Upgrade: websocket\r\n", "Connection: Upgrade\r\n"
	for _, replace := range [][2]string{
		{connection, "Connection: keep-alive\r\nConnection: Upgrade\r\n"},
		{connection, "Connection: keep-alive, upgrade\r\n"},
		{connection, "Connection: , Upgrade ,\r\n"},
		{upgrade, "Upgrade: websocket, h2c\r\n"},
		{upgrade, "Upgrade: h2c\r\nUpgrade: WebSocket\r\n"},
		{"GET ", "\r\nGET "},
		{"GET ", "GET http://{host}"},
	} {
		head := strings.Replace(upgradeHead(p.path(wallet), newKey(), p.ticket()...), replace[0], replace[1], 1)
		want(p, "status of an upgrade with "+strings.TrimSpace(replace[1]), p.request(p.a, head).resp.StatusCode, http.StatusSwitchingProtocols)
	}
	p.wantStatus(get("http://{host}/health"), http.StatusOK)
}

func headTooLong(p *probe) {
	long := 9000
	if p.secret != nil {
		long += 8 << 10 // a token has that room beside the rest
	}
	p.wantStatus(upgradeHead(p.path(wallet), newKey(), "X-Long: "+strings.Repeat("x", long)), http.StatusRequestHeaderFieldsTooLarge)
}

func health(p *probe) {
	p.wantStatus(get(prefix(p.a)+"/health"), http.StatusOK)
	p.wantStatus("HEAD"+strings.TrimPrefix(get(prefix(p.a)+"/health"), "GET"), http.StatusOK)
}
