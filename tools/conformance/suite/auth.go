package suite

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/rejoin-dev/rejoin/internal/jwttest"
)

func authChecks() []check {
	return []check{
		{"auth: a token as a subprotocol or as a header, never echoed", "A1.1 A1.2 P1.6", tokensShown},
		{"auth: 401 before the upgrade", "A1.3", badTokens},
		{"auth: 403 for another room or role", "A1.4", otherScope},
		{"auth: bad parameters are reported without a token", "A1.6", badParametersFirst},
		{"auth: rejoin.v1 peers are told whose a session is, plain ones are not", "A1.7", users},
		{"auth: a session is its user's", "A1.8 R3.4", ownSessions},
		{"auth: a plain client is taken over by its own user only", "A1.8 S2.2", ownPlainSessions},
		{"auth: a token runs out", "A2.1 A2.2", tokenRunsOut},
		{"auth: an expired token resumes, and nothing else", "A2.3", expiredToken},
		{"auth: grace: the end of what an expired token is good for", "A2.2 A2.3", expiredTokenEnds},
		{"auth: a token is revoked while its client is connected", "A1.3 A2.4", revokedToken},
	}
}

// needSecret skips the check unless the suite can sign tokens.
func (p *probe) needSecret() {
	if p.secret == nil {
		p.skip("needs -secret")
	}
}

// user is one that no other check has.
func (p *probe) user(name string) string { return name + "-" + p.room[:16] }

// with are the claims of a token that is good for an hour, in any room, with others in place of them; nil takes one out.
func with(pairs ...any) map[string]any {
	c := map[string]any{"exp": time.Now().Add(time.Hour).Unix(), "room": "*"}
	for i := 0; i < len(pairs); i += 2 {
		name := pairs[i].(string)
		if c[name] = pairs[i+1]; pairs[i+1] == nil {
			delete(c, name)
		}
	}
	return c
}

func (p *probe) mint(pairs ...any) string {
	return jwttest.Sign("HS256", with(pairs...), string(p.secret))
}

// ticket is the header that lets in, none where none is needed.
func (p *probe) ticket() []string {
	if p.secret == nil {
		return nil
	}
	return []string{"Authorization: Bearer " + p.mint()}
}

// shown is the head of an upgrade to rejoin.v1 with a token, "" for none.
func shown(target, token string, offers ...string) string {
	list := append([]string{"rejoin.v1"}, offers...)
	if token != "" {
		list = append(list, "rejoin.auth."+token)
	}
	return upgradeHead(target, newKey(), "Sec-WebSocket-Protocol: "+strings.Join(list, ", "))
}

// denied asks for an upgrade that has to be refused.
func (p *probe) denied(what, head string, status int, challenge string) {
	s := p.request(p.a, head)
	body, err := io.ReadAll(s.resp.Body)
	p.must(err, "read body")
	want(p, what+": status", s.resp.StatusCode, status)
	want(p, what+": WWW-Authenticate", s.resp.Header.Get("WWW-Authenticate"), challenge)
	if len(body) == 0 {
		p.fail("%s: the body does not say why", what)
	}
}

const (
	invalidToken = `Bearer error="invalid_token"`
	otherToken   = `Bearer error="insufficient_scope"`
)

func tokensShown(p *probe) {
	p.needSecret()
	good := p.mint("sub", p.user("ada"))
	long := good
	for pad := 5900; len(long) < 8<<10-8; pad++ {
		long = p.mint("sub", p.user("ada"), "pad", strings.Repeat("x", pad))
	}
	const ours = "Sec-WebSocket-Protocol: rejoin.v1"
	for what, c := range map[string]struct {
		headers []string
		accept  string
	}{
		"a subprotocol":             {[]string{ours + ", rejoin.auth." + good}, "rejoin.v1"},
		"a subprotocol, first":      {[]string{"Sec-WebSocket-Protocol: rejoin.auth." + good + ", rejoin.v1"}, "rejoin.v1"},
		"a header":                  {[]string{ours, "Authorization: Bearer " + good}, "rejoin.v1"},
		"both, one of a proxy's":    {[]string{ours + ", rejoin.auth." + good, "Authorization: Bearer of-a-proxy"}, "rejoin.v1"},
		"8 KiB":                     {[]string{ours, "Authorization: Bearer " + long}, "rejoin.v1"},
		"plain":                     {[]string{"Sec-WebSocket-Protocol: rejoin.auth." + good}, ""},
		"plain, beside another one": {[]string{"Sec-WebSocket-Protocol: rejoin.auth." + good + ", other"}, "other"},
	} {
		s := p.open(p.a, p.path(wallet), c.headers...)
		want(p, what+": subprotocol", s.resp.Header.Get("Sec-WebSocket-Protocol"), c.accept)
	}
	p.denied("both, ours bad", upgradeHead(p.path(wallet), newKey(), ours+", rejoin.auth.bad", "Authorization: Bearer "+good), http.StatusUnauthorized, invalidToken)
	p.denied("in the URL", shown(p.path(wallet)+"&token="+good+"&access_token="+good, ""), http.StatusUnauthorized, "Bearer")
	p.denied("too long", upgradeHead(p.path(wallet), newKey(), ours, "Authorization: Bearer "+long+"12345678"), http.StatusUnauthorized, invalidToken)
}

func badTokens(p *probe) {
	p.needSecret()
	hour := time.Now().Add(time.Hour).Unix()
	parts := strings.Split(p.mint(), ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	p.denied("none", shown(p.path(wallet), ""), http.StatusUnauthorized, "Bearer")
	for what, token := range map[string]string{
		"expired":                 p.mint("exp", 1),
		"without exp":             p.mint("exp", nil),
		"not yet valid":           p.mint("nbf", hour),
		"another key":             jwttest.Sign("HS256", with(), "x"+string(p.secret)),
		"alg none":                none + "." + parts[1] + ".",
		"alg none, signed":        none + "." + parts[1] + "." + parts[2],
		"an alg of no key":        jwttest.Sign("RS256", with(), string(p.secret)),
		"without signature":       parts[0] + "." + parts[1] + ".",
		"claims of another token": parts[0] + "." + strings.Split(p.mint("sub", "eve"), ".")[1] + "." + parts[2],
		"no token":                "hello",
		"room is a number":        p.mint("room", 7),
	} {
		p.denied(what, shown(p.path(wallet), token), http.StatusUnauthorized, invalidToken)
		p.denied(what+", resuming", shown(p.path(wallet), token, "rejoin.resume.AAAA"), http.StatusUnauthorized, invalidToken)
	}
}

func otherScope(p *probe) {
	p.needSecret()
	name := p.room[:32]
	for _, c := range []struct {
		target string
		claims []any
		ok     bool
	}{
		{p.in(""), []any{"room", name}, true},
		{p.in(""), []any{"room", []string{"x", name}, "role", []string{"host", "peer"}}, true},
		{p.path(wallet), []any{"room", strings.ToUpper(p.room), "role", wallet}, true},
		{"/rooms/" + p.room, []any{"room", p.room}, true},
		{p.in(""), []any{"room", name + "x"}, false},
		{p.in(""), []any{"room", strings.ToUpper(name)}, strings.ToUpper(name) == name},
		{p.in(""), []any{"room", nil}, false},
		{p.in(""), []any{"room", []string{}}, false},
		{p.path(wallet), []any{"room", name}, false},
		{p.in("?source=host&target=viewer"), []any{"role", "viewer"}, false},
		{p.in(""), []any{"role", []string{}}, false},
		{p.path(wallet), []any{"role", extension}, false},
	} {
		if token := p.mint(c.claims...); c.ok {
			p.rejoinAt(p.a, c.target, "rejoin.auth."+token)
		} else {
			p.denied(c.target, shown(c.target, token), http.StatusForbidden, otherToken)
		}
	}
}

func badParametersFirst(p *probe) {
	p.needSecret()
	for _, headers := range [][]string{{"Authorization: none"}, {"Authorization: none", "Sec-WebSocket-Protocol: rejoin.v1"}} {
		s := p.open(p.a, "/nothing", headers...)
		if _, end := s.read(); end == nil || end.code != 1003 || end.reason != "missing connectionId in path" {
			p.fail("%v, want 1003", end)
		}
	}
}

func users(p *probe) {
	p.needSecret()
	ada, eve := p.user("ada"), p.user("eve")
	plain := p.plain(p.a, extension).settled()
	e, se := p.rejoin(p.a, extension)
	w, sw := p.rejoin(p.b, wallet, "rejoin.auth."+p.mint("sub", ada))
	e.want(`{"info":"remoteClientJustConnected","remoteClientId":"` + sw.ClientID + `","user":"` + ada + `"}`)
	plain.want(peerInfo("JustConnected", sw.ClientID))
	if strings.Contains(sw.raw, `"user"`) || len(sw.Peers) != 2 {
		p.fail("told of peers without a user: %s", sw.raw)
	}
	_, late := p.rejoin(p.b, extension, "rejoin.auth."+p.mint("sub", eve))
	if !strings.Contains(late.raw, `"state":"live","user":"`+ada+`"`) {
		p.fail("told of a user's session: %s", late.raw)
	}
	w.want(`{"info":"remoteClientJustConnected","remoteClientId":"` + late.ClientID + `","user":"` + eve + `"}`)
	e.fence(se.ClientID, w)
}

func ownSessions(p *probe) {
	p.needSecret()
	ada := p.user("ada")
	w, mine := p.rejoin(p.a, wallet, "rejoin.auth."+p.mint("sub", ada))
	resume := "rejoin.resume." + mine.ResumeToken
	for _, claims := range [][]any{{"sub", p.user("eve")}, {}, {"sub", strings.ToUpper(ada)}} {
		stray, _ := p.refused(p.b, wallet, "mismatch", resume, "rejoin.auth."+p.mint(claims...))
		stray.leave(1000)
	}
	w.settled() // and was not evicted
	_, f := p.rejoin(p.b, wallet, resume, "rejoin.auth."+p.mint("sub", ada, "jti", "another token of hers"))
	want(p, "resumed by its user", f.Resumed, true)
}

func ownPlainSessions(p *probe) {
	p.needSecret()
	if s := p.request(p.a, upgradeHead(p.path(wallet), newKey())); s.resp.StatusCode == http.StatusSwitchingProtocols {
		p.skip("plain clients need no token here")
	}
	ada, eve := "Authorization: Bearer "+p.mint("sub", p.user("ada")), "Authorization: Bearer "+p.mint("sub", p.user("eve"))
	e, se := p.rejoin(p.a, extension)
	p.open(p.b, p.path(wallet), ada).drop()
	id := e.peer2("JustConnected")
	e.want(peerInfo("Suspended", id))
	other := p.open(p.a, p.path(wallet), eve)
	want(p, "whom another user's client meets", other.peer("IsAlreadyConnected"), se.ClientID)
	if got := e.peer2("JustConnected"); got == id {
		p.fail("another user's client took the session over")
	}
	other.leave(1000)
	e.peer("Disconnected")
	again := p.open(p.a, p.path(wallet), ada)
	want(p, "whom its own user's client meets", again.peer("IsAlreadyConnected"), se.ClientID)
	e.want(peerInfo("Resumed", id))
	again.fence(id, e)
}

// peer2 reads the announcement of a peer that may have a user, and returns its id.
func (s *socket) peer2(info string) string {
	m := s.next()
	rest, ok := strings.CutPrefix(m, `{"info":"remoteClient`+info+`","remoteClientId":"`)
	if id, _, closed := strings.Cut(rest, `"`); ok && closed && clientIDPattern.MatchString(id) {
		return id
	}
	s.p.fail("got %s, want remoteClient%s", m, info)
	return ""
}

// goesAway reads the request to come back with another token.
func (s *socket) goesAway() {
	if m := s.next(); !strings.HasPrefix(m, `{"info":"goAway","reconnectInMs":`) || !strings.HasSuffix(m, `,"reason":"auth"}`) {
		s.p.fail("got %s, want goAway", m)
	}
}

// soon is an exp that is a moment away.
func soon() int64 { return time.Now().Add(3 * time.Second).Unix() }

func tokenRunsOut(p *probe) {
	p.needSecret()
	p.patience.Add(int64(10 * time.Second))
	e, _ := p.rejoin(p.a, extension)
	w, sw := p.rejoin(p.b, wallet, "rejoin.auth."+p.mint("exp", soon()))
	e.want(peerInfo("JustConnected", sw.ClientID))
	w.goesAway()
	w.wantClose(4003, "token expired")
	e.want(peerInfo("Suspended", sw.ClientID))
	id := e.send("offer", sw.ClientID)
	back, f := p.rejoin(p.a, wallet, "rejoin.resume."+sw.ResumeToken)
	want(p, "resumed with a fresh token", f.Resumed, true)
	back.wantData(id)
}

func expiredToken(p *probe) {
	p.needSecret()
	p.patience.Add(int64(10 * time.Second))
	token := p.mint("exp", soon())
	w, sw := p.rejoin(p.b, wallet, "rejoin.auth."+token)
	w.wantClose(4003, "token expired")
	p.denied("a fresh session", shown(p.path(wallet), token), http.StatusUnauthorized, invalidToken)
	for _, resume := range []string{"nonsense", strings.Repeat("A", len(sw.ResumeToken))} {
		s := p.open(p.a, p.path(wallet), "Sec-WebSocket-Protocol: rejoin.v1, rejoin.resume."+resume+", rejoin.auth."+token)
		if m, end := s.read(); end == nil || end.code != 4003 {
			p.fail("a session that is not there: %s, %v, want 4003", m, end)
		}
	}
	back, f := p.rejoin(p.a, wallet, "rejoin.resume."+sw.ResumeToken, "rejoin.auth."+token)
	want(p, "resumed with the expired token", f.Resumed, true)
	back.goesAway()
	_, f = p.rejoin(p.a, wallet, "rejoin.resume."+f.ResumeToken)
	want(p, "resumed with a fresh one", f.Resumed, true)
}

func expiredTokenEnds(p *probe) {
	p.needSecret()
	p.patience.Add(int64(10 * time.Second))
	token := p.mint("exp", soon())
	w, sw := p.rejoin(p.b, wallet, "rejoin.auth."+token)
	p.needShortGrace(sw)
	w.wantClose(4003, "token expired")
	back, f := p.rejoin(p.a, wallet, "rejoin.resume."+sw.ResumeToken, "rejoin.auth."+token)
	want(p, "resumed with the expired token", f.Resumed, true)
	back.wantClose(4003, "token expired")
	p.denied("after the window", shown(p.path(wallet), token, "rejoin.resume."+f.ResumeToken), http.StatusUnauthorized, invalidToken)
}

func revokedToken(p *probe) {
	p.needSecret()
	p.needOperator()
	e, se := p.rejoin(p.a, extension)
	for _, by := range []string{"sub", "jti"} {
		name := p.user(by)
		token := "rejoin.auth." + p.mint(by, name)
		w, sw := p.rejoin(p.b, wallet, token)
		if got := e.peer2("JustConnected"); got != sw.ClientID {
			p.fail("another client than %s came: %s", sw.ClientID, got)
		}
		status, body := p.operate(http.MethodPost, "/v1/revocations", map[string]any{by: name, "until": time.Now().Add(time.Minute).Unix()})
		want(p, "revoke: "+body, status, http.StatusNoContent)
		w.wantClose(4003, "token revoked")
		e.want(peerInfo("Disconnected", sw.ClientID))
		p.denied("revoked by "+by, shown(p.path(wallet), strings.TrimPrefix(token, "rejoin.auth.")), http.StatusUnauthorized, invalidToken)
		p.denied("the same, resuming", shown(p.path(wallet), strings.TrimPrefix(token, "rejoin.auth."), "rejoin.resume."+sw.ResumeToken),
			http.StatusUnauthorized, invalidToken)
	}
	other, so := p.rejoin(p.b, wallet, "rejoin.auth."+p.mint("sub", p.user("another"), "jti", p.user("one more")))
	e.peer2("JustConnected")
	other.fence(so.ClientID, e)
	e.fence(se.ClientID, other)
}
