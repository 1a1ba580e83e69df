package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

func operatorChecks() []check {
	return []check{
		{"operator: calls need the operator's token", "A3.1", strangersCall},
		{"operator: a client is removed", "A3.1 R3.4", removedClient},
		{"operator: a room is emptied", "A3.1", emptiedRoom},
		{"operator: messages to rejoin.v1 clients", "A3.2", operatorsMessages},
	}
}

// needOperator skips the check unless the suite can make the operator's calls.
func (p *probe) needOperator() {
	if p.admin == "" {
		p.skip("needs -admin and -admin-token")
	}
}

// operate makes one of the operator's calls; body nil: none.
func (p *probe) operate(method, path string, body any) (status int, answer string) {
	return p.operateAs(p.adminToken, method, path, body)
}

func (p *probe) operateAs(token, method, path string, body any) (status int, answer string) {
	ctx, cancel := context.WithDeadline(p.ctx, p.deadline())
	defer cancel()
	var text []byte
	if body != nil {
		text, _ = json.Marshal(body) // as above
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(p.admin, "/")+path, bytes.NewReader(text))
	p.must(err, "make a call")
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	p.must(err, method+" "+path)
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	p.must(err, "read the answer")
	return res.StatusCode, string(got)
}

func strangersCall(p *probe) {
	p.needOperator()
	w, _ := p.rejoin(p.a, wallet)
	for _, token := range []string{"", "wrong", p.adminToken + "x"} {
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			status, _ := p.operateAs(token, method, "/v1/rooms/"+p.room, nil)
			want(p, "status without the token", status, http.StatusUnauthorized)
		}
	}
	w.settled()
}

func removedClient(p *probe) {
	p.needOperator()
	r := p.two()
	c, sc := p.rejoinAt(p.b, p.in(""))
	r.a.meets(sc)
	r.b.meets(sc)
	at := "/v1/rooms/" + p.room[:32]
	status, body := p.operate(http.MethodGet, at, nil)
	if status != http.StatusOK || !strings.Contains(body, r.sb.ClientID) || strings.Contains(body, r.sb.ResumeToken) {
		p.fail("who is there: %d %s", status, body)
	}
	status, body = p.operate(http.MethodDelete, at+"/clients/"+r.sb.ClientID, nil)
	want(p, "remove: "+body, status, http.StatusNoContent)
	r.b.wantClose(4004, "removed")
	r.a.want(peerInfo("Disconnected", r.sb.ClientID))
	c.want(peerInfo("Disconnected", r.sb.ClientID))
	id := c.send("chat", r.sa.ClientID)
	r.a.wantData(id) // and heard nothing else
	b, f := p.rejoinAt(p.a, p.in(""), "rejoin.resume."+r.sb.ResumeToken)
	if f.Resumed || f.Reason != "unknown" {
		p.fail("the token of a removed client: %s", f.raw)
	}
	r.a.meets(f)
	c.meets(f)
	// One that is away hears nothing, and is gone as well.
	b.drop()
	r.a.want(peerInfo("Suspended", f.ClientID))
	c.want(peerInfo("Suspended", f.ClientID))
	status, body = p.operate(http.MethodDelete, at+"/clients/"+f.ClientID, nil)
	want(p, "remove: "+body, status, http.StatusNoContent)
	r.a.want(peerInfo("Disconnected", f.ClientID))
	c.want(peerInfo("Disconnected", f.ClientID))
	_, f = p.rejoinAt(p.b, p.in(""), "rejoin.resume."+f.ResumeToken)
	want(p, "resumed", f.Resumed, false)
}

// emptiedRoom: one of 64 hex digits is one room to the operator, whatever the roles in it.
func emptiedRoom(p *probe) {
	p.needOperator()
	ext := p.plain(p.a, extension).settled()
	wal, sw := p.rejoin(p.b, wallet)
	ext.meets(sw)
	equal, se := p.rejoinAt(p.a, "/"+p.room)
	status, body := p.operate(http.MethodDelete, "/v1/rooms/"+strings.ToUpper(p.room), nil)
	if status != http.StatusOK || strings.TrimSpace(body) != `{"removed":3}` {
		p.fail("empty a room: %d %s", status, body)
	}
	for _, s := range []*socket{ext, wal, equal} {
		s.wantClose(4004, "removed")
	}
	for target, token := range map[string]string{p.path(wallet): sw.ResumeToken, "/" + p.room: se.ResumeToken} {
		_, f := p.rejoinAt(p.b, target, "rejoin.resume."+token)
		want(p, "resumed", f.Resumed, false)
		f.sees(p)
	}
}

func operatorsMessages(p *probe) {
	p.needOperator()
	r := p.two()
	at := "/v1/rooms/" + p.room[:32] + "/messages"
	const payload = `{"n":[1,null,"é"]}`
	for _, c := range []struct {
		to     map[string]any
		stored string
		heard  []*socket
	}{
		{map[string]any{"to": r.sb.ClientID}, `"stored":1`, []*socket{r.b}},
		{map[string]any{"role": "peer", "ttlMs": 60_000}, `"stored":2`, []*socket{r.a, r.b}},
	} {
		c.to["requestId"], c.to["method"], c.to["payload"] = p.requestID(), "news", json.RawMessage(payload)
		status, body := p.operate(http.MethodPost, at, c.to)
		if status != http.StatusOK || !strings.Contains(body, c.stored) {
			p.fail("message: %d %s", status, body)
		}
		for _, s := range c.heard {
			e := s.wantData(lastID(p))
			if e.From != "server" || e.ID == "" || !strings.Contains(string(e.Data), `"payload":`+payload) {
				p.fail("got %+v with %s", e, e.Data)
			}
			s.text(ack(e.ID))
		}
	}
	id := p.requestID()
	r.a.text(of(id, "chat", "server", `"payload":1`))
	r.a.want(missing(id))
	r.b.drop()
	r.a.want(peerInfo("Suspended", r.sb.ClientID))
	_, f := p.rejoinAt(p.a, p.in(""), "rejoin.resume."+r.sb.ResumeToken)
	want(p, "replay of what was acknowledged", f.Replay, 0)

	ext := p.plain(p.a, extension).settled()
	status, _ := p.operate(http.MethodPost, "/v1/rooms/"+p.room+"/messages", map[string]any{"role": extension, "method": "offer", "payload": "p"})
	want(p, "status of a message to plain clients", status, http.StatusOK)
	ext.settled() // and heard nothing
}
