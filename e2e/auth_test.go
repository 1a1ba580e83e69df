package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/rejoin-dev/rejoin/internal/jwttest"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

const (
	authKey    = "a key for tokens, of more than thirty-two bytes"
	operatorIs = "the operator's token, of more than thirty-two bytes"
)

// guarded are the settings of a server that asks for tokens and has an operator.
func guarded(t *testing.T) []string {
	t.Helper()
	key, operator := filepath.Join(t.TempDir(), "key"), filepath.Join(t.TempDir(), "operator")
	for path, text := range map[string]string{key: authKey, operator: operatorIs} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"AUTH=all", "AUTH_SECRET_FILE=" + key, "ADMIN_TOKEN_FILE=" + operator, "GRACE_WINDOW=2s"}
}

// mint makes a good one, with other claims if they are given.
func mint(pairs ...any) string {
	claims := map[string]any{"exp": time.Now().Add(time.Hour).Unix(), "room": "*", "sub": "ada"}
	for i := 0; i < len(pairs); i += 2 {
		claims[pairs[i].(string)] = pairs[i+1]
	}
	return jwttest.Sign("HS256", claims, authKey)
}

// connection is one WebSocket of rejoin.v1 that was let in.
type connection struct {
	*websocket.Conn
	t   *testing.T
	ctx context.Context
}

// enter connects with a token, and returns the status of a refusal.
func enter(ctx context.Context, t *testing.T, url, token string, more ...string) (*connection, int) {
	t.Helper()
	c, res, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: append([]string{"rejoin.v1", "rejoin.auth." + token}, more...)})
	if err != nil && (res == nil || res.StatusCode == 101) {
		t.Fatal(err)
	}
	if err != nil {
		return nil, res.StatusCode
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	return &connection{c, t, ctx}, 101
}

// next returns the next message of that info.
func (c *connection) next(info string) (text string) {
	c.t.Helper()
	for {
		_, b, err := c.Read(c.ctx)
		if err != nil {
			c.t.Fatalf("read %s: %v", info, err)
		}
		if strings.HasPrefix(string(b), `{"info":"`+info+`"`) {
			return string(b)
		}
	}
}

// closed reads to the end and returns how the server closed.
func (c *connection) closed() string {
	c.t.Helper()
	for {
		_, _, err := c.Read(c.ctx)
		var end websocket.CloseError
		if errors.As(err, &end) {
			return fmt.Sprintf("%d %s", end.Code, end.Reason)
		}
		if err != nil {
			c.t.Fatalf("read: %v", err)
		}
	}
}

var clientIDs = regexp.MustCompile(`"clientId":"([^"]+)","resumeToken":"([^"]+)"`)

// identify reads the session frame.
func (c *connection) identify() (client, resumeToken string) {
	c.t.Helper()
	m := clientIDs.FindStringSubmatch(c.next("session"))
	return m[1], m[2]
}

// operate makes one of the operator's calls.
func operate(ctx context.Context, t *testing.T, p *proctest.Process, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+p.PrivateAddr()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+operatorIs)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text)
}

// commands counts what Redis was asked, what keeps connections alive left out.
func commands(redis *redistest.Standalone) string {
	var counts []string
	for line := range strings.Lines(redis.Do("INFO commandstats")) {
		if name, rest, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && !regexp.MustCompile(`_(ping|info)$`).MatchString(name) {
			calls, _, _ := strings.Cut(rest, ",")
			counts = append(counts, name+" "+calls)
		}
	}
	return strings.Join(counts, "\n")
}

// TestBadTokensCostRedisNothing: whatever is shown at the door, Redis is not asked.
func TestBadTokensCostRedisNothing(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	redis := redistest.NewServer(t)
	x := proctest.Start(t, append(guarded(t), "REDIS_URL="+redis.URL(), "INSTANCE_LEASE=1h", "SYNC_INTERVAL=30m")...)
	url := x.URL() + "/rooms/lobby"
	revoke := fmt.Sprintf(`{"jti":"stolen","until":%d}`, time.Now().Add(time.Hour).Unix())
	if status, body := operate(ctx, t, x, "POST", "/v1/revocations", revoke); status != 204 {
		t.Fatalf("revoke: %d %s", status, body)
	}
	stolen := mint("jti", "stolen")
	for {
		if _, status := enter(ctx, t, url, stolen); status == 401 {
			break // its own doorbell has come
		}
	}
	c, _ := enter(ctx, t, url, mint())
	c.identify()
	_ = c.Close(websocket.StatusNormalClosure, "")
	waitFor(ctx, t, "the leave", func() bool { return strings.TrimSpace(redis.Do("KEYS {*")) == "" })
	last := commands(redis)
	for settled := ""; settled != last; { // until nothing of it is under way
		settled = last
		if _, status := enter(ctx, t, url, ""); status != 401 {
			t.Fatal(status)
		}
		last = commands(redis)
	}
	before := last
	exp := time.Now().Add(time.Hour).Unix()
	for name, shown := range map[string]struct {
		token string
		want  int
	}{
		"none":               {"", 401},
		"expired":            {mint("exp", 1), 401},
		"expired too long":   {mint("exp", time.Now().Add(-3*time.Second).Unix()), 401},
		"not yet valid":      {mint("nbf", exp), 401},
		"wrong key":          {jwttest.Sign("HS256", map[string]any{"exp": exp, "room": "*"}, authKey+"x"), 401},
		"alg none":           {jwttest.Sign("none", map[string]any{"exp": exp, "room": "*"}, authKey), 401},
		"alg RS256":          {jwttest.Sign("RS256", map[string]any{"exp": exp, "room": "*"}, authKey), 401},
		"another room":       {mint("room", "hall"), 403},
		"another role":       {mint("role", "host"), 403},
		"revoked":            {stolen, 401},
		"longer than 8 KiB":  {mint("pad", strings.Repeat("x", 6<<10)), 401},
		"no token of a kind": {"hello", 401},
	} {
		for _, resume := range []string{"rejoin.v2", "rejoin.resume.AAAA"} {
			if _, status := enter(ctx, t, url, shown.token, resume); status != shown.want {
				t.Errorf("%s with %s: %d, want %d", name, resume, status, shown.want)
			}
		}
	}
	if after := commands(redis); after != before {
		t.Errorf("Redis was asked\n%s\nbefore\n%s", after, before)
	}
	if strings.Contains(x.Log(), strings.Split(stolen, ".")[2]) {
		t.Error("the log holds a token")
	}
}

// TestARevokedTokenEndsOpenConnections, at every instance, and no others.
func TestARevokedTokenEndsOpenConnections(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	settings := append(guarded(t), "REDIS_URL="+redistest.NewServer(t).URL())
	x, y := proctest.Start(t, settings...), proctest.Start(t, settings...)
	eve, _ := enter(ctx, t, y.URL()+"/rooms/lobby", mint("sub", "eve"))
	eve.identify()
	ada, _ := enter(ctx, t, x.URL()+"/rooms/lobby", mint())
	if session := ada.next("session"); !strings.Contains(session, `"state":"live","user":"eve"`) {
		t.Errorf("ada is told %s", session)
	}
	if joined := eve.next("remoteClientJustConnected"); !strings.Contains(joined, `"user":"ada"`) {
		t.Errorf("eve is told %s", joined)
	}
	body := fmt.Sprintf(`{"sub":"eve","until":%d}`, time.Now().Add(time.Hour).Unix())
	if status, text := operate(ctx, t, x, "POST", "/v1/revocations", body); status != 204 {
		t.Fatalf("revoke: %d %s", status, text)
	}
	if got := eve.closed(); got != "4003 token revoked" {
		t.Errorf("eve: %s", got)
	}
	ada.next("remoteClientDisconnected")
	if _, status := enter(ctx, t, y.URL()+"/rooms/lobby", mint("sub", "eve")); status != 401 {
		t.Errorf("eve again: %d", status)
	}
	z := proctest.Start(t, settings...) // which reads it
	if _, status := enter(ctx, t, z.URL()+"/rooms/lobby", mint("sub", "eve")); status != 401 {
		t.Errorf("eve at a newcomer: %d", status)
	}
	if _, status := enter(ctx, t, z.URL()+"/rooms/lobby", mint()); status != 101 {
		t.Errorf("ada at a newcomer: %d", status)
	}
}

// TestATokenThatHasExpiredResumes within the grace window, its own session and no other; then it is of no use.
func TestATokenThatHasExpiredResumes(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	x := proctest.Start(t, append(guarded(t), "REDIS_URL="+redistest.NewServer(t).URL(), "GRACE_WINDOW=20s")...)
	url := x.URL() + "/rooms/lobby"
	token := mint("exp", time.Now().Add(3*time.Second).Unix())
	c, status := enter(ctx, t, url, token)
	if status != 101 {
		t.Fatal(status)
	}
	client, resume := c.identify()
	if goAway := c.next("goAway"); !strings.Contains(goAway, `"reason":"auth"`) {
		t.Errorf("got %s", goAway)
	}
	if got := c.closed(); got != "4003 token expired" {
		t.Errorf("closed with %s", got)
	}
	if _, status := enter(ctx, t, url, token); status != 401 {
		t.Errorf("a fresh session with an expired token: %d", status)
	}
	if c, status := enter(ctx, t, url, mint("sub", "ada", "exp", time.Now().Add(-time.Second).Unix()), "rejoin.resume."+strings.Repeat("A", 54)); status == 101 {
		if got := c.closed(); got != "4003 token expired" {
			t.Errorf("with the resume token of no session: %s", got)
		}
	}
	late, status := enter(ctx, t, url, token, "rejoin.resume."+resume)
	if status != 101 {
		t.Fatalf("resume: %d", status)
	}
	if session := late.next("session"); !strings.Contains(session, `"clientId":"`+client+`"`) || !strings.Contains(session, `"resumed":true`) {
		t.Errorf("got %s", session)
	}
	late.next("goAway")
	if fresh, _ := enter(ctx, t, url, mint(), "rejoin.resume."+resume); !strings.Contains(fresh.next("session"), `"resumed":true`) {
		t.Error("a fresh token does not resume")
	}
}

// TestTheOperatorEndsSessions that another instance holds, and speaks to clients.
func TestTheOperatorEndsSessions(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	settings := append(guarded(t), "REDIS_URL="+redistest.NewServer(t).URL())
	x, y := proctest.Start(t, settings...), proctest.Start(t, settings...)
	url := y.URL() + "/rooms/lobby"
	ada, _ := enter(ctx, t, url, mint())
	client, resume := ada.identify()
	eve, _ := enter(ctx, t, url, mint("sub", "eve"))
	eve.identify()
	if status, body := operate(ctx, t, x, "GET", "/v1/rooms/lobby", ""); status != 200 || !strings.Contains(body, client) || strings.Contains(body, resume) {
		t.Errorf("%d %s", status, body)
	}
	if status, body := operate(ctx, t, x, "POST", "/v1/rooms/lobby/messages", `{"role":"peer","method":"news","payload":{"n":1}}`); status != 200 || !strings.Contains(body, `"stored":2`) {
		t.Errorf("%d %s", status, body)
	}
	for _, c := range []*connection{ada, eve} {
		if data := c.next("remoteData"); !strings.Contains(data, `"payload":{"n":1}`) || !strings.Contains(data, `"remoteClientId":"server"`) {
			t.Errorf("got %s", data)
		}
	}
	if status, body := operate(ctx, t, x, "DELETE", "/v1/rooms/lobby/clients/"+client, ""); status != 204 {
		t.Errorf("%d %s", status, body)
	}
	if got := ada.closed(); got != "4004 removed" {
		t.Errorf("ada: %s", got)
	}
	if gone := eve.next("remoteClientDisconnected"); !strings.Contains(gone, client) {
		t.Errorf("eve is told %s", gone)
	}
	again, _ := enter(ctx, t, url, mint(), "rejoin.resume."+resume)
	if session := again.next("session"); !strings.Contains(session, `"resumed":false`) {
		t.Errorf("the token is not dead: %s", session)
	}
	if status, body := operate(ctx, t, x, "DELETE", "/v1/rooms/lobby", ""); status != 200 || !strings.Contains(body, `"removed":2`) {
		t.Errorf("%d %s", status, body)
	}
	for _, c := range []*connection{eve, again} {
		if got := c.closed(); got != "4004 removed" {
			t.Errorf("closed with %s", got)
		}
	}
}

// TestWithoutAnOperatorThereAreNoCalls.
func TestWithoutAnOperatorThereAreNoCalls(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	x := proctest.Start(t)
	if status, _ := operate(ctx, t, x, "GET", "/v1/rooms/lobby", ""); status != 404 {
		t.Errorf("%d", status)
	}
}
