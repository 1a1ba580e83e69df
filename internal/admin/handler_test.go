package admin_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rejoin-dev/rejoin/internal/admin"
	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/streams"
)

// token is the operator's.
const token = "the operator's token, of more than 32 bytes"

// silent is a streams.Handler that wants to know nothing.
type silent struct{}

func (silent) Bell(*streams.Bell)               {}
func (silent) Reconcile()                       {}
func (silent) Regenerate()                      {}
func (silent) SessionEnded(*streams.SessionEnd) {}
func (silent) Instances(map[string]bool)        {}

// log is what was logged, for any goroutine.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// operator makes calls to a handler, each of which is compared with the documentation.
type operator struct {
	server   *httptest.Server
	backbone *streams.Backbone
	log      log
	spec     *spec
}

// serve has the calls answered with a Redis of that URL. A Backbone that is not started is one whose Redis is away.
func serve(t *testing.T, spec *spec, url string, started, revocable bool) *operator {
	t.Helper()
	opt := streams.Options{URL: url, MailboxEntries: 2, CallTimeout: 5 * time.Second}
	if !started {
		opt.CallTimeout = 50 * time.Millisecond
	}
	b, err := streams.Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	o := &operator{backbone: b, spec: spec}
	if started {
		b.Start(silent{})
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for b.Ready() != nil {
			select {
			case <-tick.C:
			case <-t.Context().Done():
				t.Fatal(b.Ready())
			}
		}
	}
	o.server = httptest.NewServer(admin.Handler(admin.Config{
		Backbone: b, Allowed: func(text string) bool { return text == token }, Revocable: revocable, MaxMessageBytes: 1024,
		Logger: slog.New(slog.NewTextHandler(&o.log, nil)),
	}))
	t.Cleanup(func() {
		o.server.Close()
		_ = b.Close(context.Background())
	})
	return o
}

// call makes one and returns its status and body.
func (o *operator) call(t *testing.T, method, path, body string) (status int, answer string) {
	t.Helper()
	return o.callAs(t, "Bearer "+token, method, path, body)
}

func (o *operator) callAs(t *testing.T, authorization, method, path, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, o.server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	res, err := o.server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if o.spec.pathOf(path) != "" && o.spec.at(o.spec.doc, "paths", o.spec.pathOf(path), strings.ToLower(method)) != nil {
		o.spec.check(t, req, []byte(body), res, got)
	}
	return res.StatusCode, string(got)
}

const (
	someone = "3f1f6f9e-9c3b-4c9e-8f0a-1f2e3d4c5b6a"
	another = "7a1f6f9e-9c3b-4c9e-8f0a-1f2e3d4c5b6b"
)

// join has a client in a room, and returns what is needed to have it gone.
func (o *operator) join(t *testing.T, room, id string, a streams.Attach) {
	t.Helper()
	a.Room, a.NewClient, a.Session, a.Started = room, id, streams.NewSession(), time.Now()
	done := make(chan error, 1)
	o.backbone.Attach(a, func(_ streams.Attached, err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// eval runs a script behind the backbone's back.
func eval(t *testing.T, url, script, key string, args ...any) {
	t.Helper()
	opt, err := streams.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewUniversalClient(opt)
	defer client.Close()
	if err := client.Eval(t.Context(), script, []string{key}, args...).Err(); err != nil {
		t.Fatal(err)
	}
}

// TestOpenAPI: each answer that docs/openapi.yaml has is given by the server, and it gives no other.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	s := readSpec(t)
	url := redistest.NewServer(t).URL()
	o, away, off := serve(t, s, url, true, true), serve(t, s, url, false, true), serve(t, s, url, true, false)
	room, empty := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	o.join(t, room, someone, streams.Attach{Role: "w", User: "ada", Dialect: 'r', Keep: true, TokenHash: "hash-of-a-token"})
	o.join(t, room, another, streams.Attach{Role: "e", Dialect: 'p'})
	at := "/v1/rooms/" + room
	message := func(field, value, more string) string {
		return fmt.Sprintf(`{%q:%q,"method":"news","payload":{"n":[1,null,"<é>"]}%s}`, field, value, more)
	}
	in, ago := time.Now().Add(time.Hour).Unix(), time.Now().Add(-time.Hour).Unix()
	for _, c := range []struct {
		o                  *operator
		method, path, body string
		want               int
		holds              string
	}{
		{o, "GET", at, "", 200, `"client":"` + someone + `"`},
		{o, "GET", "/v1/rooms/" + strings.Repeat("AB", 32), "", 200, `"user":"ada"`},
		{o, "GET", "/v1/rooms/lobby", "", 404, ""},
		{o, "GET", "/v1/rooms/" + empty, "", 404, ""},
		{o, "GET", "/v1/rooms/%20", "", 400, ""},
		{away, "GET", at, "", 503, ""},

		{o, "POST", at + "/messages", message("to", someone, `,"requestId":"one"`), 200, `"stored":1`},
		{o, "POST", at + "/messages", message("to", someone, `,"requestId":"one"`), 200, `"stored":1`}, // the same again
		{o, "POST", at + "/messages", message("role", "wallet", `,"ttlMs":60000`), 200, `"stored":1`},
		{o, "POST", at + "/messages", message("role", "wallet", `,"ttlMs":0`), 400, "ttlMs"},
		{o, "POST", at + "/messages", message("role", "wallet", `,"ttlMs":3600001`), 400, "ttlMs"},
		{o, "POST", at + "/messages", message("role", "wallet", `,"ttlMs":1.5`), 400, "ttlMs"},
		{o, "POST", at + "/messages", message("role", "wallet", ""), 200, `"full":1`},
		{o, "POST", at + "/messages", message("role", "extension", ""), 200, `"plain":1`},
		{o, "POST", at + "/messages", message("to", someone, ""), 507, ""},
		{o, "POST", at + "/messages", message("to", another, ""), 409, ""},
		{o, "POST", at + "/messages", message("to", strings.Replace(someone, "3", "4", 1), ""), 404, ""},
		{o, "POST", at + "/messages", message("to", "nobody", ""), 400, "clientId"},
		{o, "POST", at + "/messages", message("role", "Wallet", ""), 400, "role"},
		{o, "POST", at + "/messages", message("to", someone, `,"role":"wallet"`), 400, "one of them"},
		{o, "POST", at + "/messages", `{"to":"` + someone + `","method":"ack","payload":1}`, 400, "method"},
		{o, "POST", at + "/messages", `{"to":"` + someone + `","method":"9","payload":1}`, 400, "method"},
		{o, "POST", at + "/messages", `{"to":"` + someone + `","method":"news"}`, 400, "payload"},
		{o, "POST", at + "/messages", message("to", someone, `,"requestId":"`+strings.Repeat("x", 129)+`"`), 400, "requestId"},
		{o, "POST", at + "/messages", message("to", someone, `,"other":1`), 400, "other"},
		{o, "POST", at + "/messages", message("to", someone, "") + "{}", 400, ""},
		{o, "POST", at + "/messages", "\"\xff\"", 400, "UTF-8"},
		{o, "POST", at + "/messages", "", 400, ""},
		{o, "POST", at + "/messages", `{"role":"wallet","method":"news","payload":"` + strings.Repeat("x", 1024) + `"}`, 413, "MAX_MESSAGE_BYTES"},
		{o, "POST", at + "/messages", strings.Repeat(" ", 32<<10), 413, "body"},
		{o, "POST", "/v1/rooms/%20/messages", message("role", "wallet", ""), 400, "room"},
		{away, "POST", at + "/messages", message("role", "wallet", ""), 503, ""},

		{o, "POST", "/v1/revocations", fmt.Sprintf(`{"sub":"ada","until":%d}`, in), 204, ""},
		{o, "POST", "/v1/revocations", fmt.Sprintf(`{"jti":"1","until":%d.5}`, in), 204, ""},
		{o, "POST", "/v1/revocations", fmt.Sprintf(`{"jti":"1","until":%d}`, ago), 400, "until"},
		{o, "POST", "/v1/revocations", fmt.Sprintf(`{"jti":"1","until":%d}`, in*1000), 400, "until"},
		{o, "POST", "/v1/revocations", `{"jti":"1","until":1e300}`, 400, "until"},
		{o, "POST", "/v1/revocations", `{"jti":"1"}`, 400, "until"},
		{o, "POST", "/v1/revocations", fmt.Sprintf(`{"until":%d}`, in), 400, "jti or sub"},
		{o, "POST", "/v1/revocations", fmt.Sprintf(`{"jti":"1","sub":"ada","until":%d}`, in), 400, "jti or sub"},
		{o, "POST", "/v1/revocations", fmt.Sprintf(`{"jti":"%s","until":%d}`, strings.Repeat("j", 256), in), 400, "255"},
		{o, "POST", "/v1/revocations", strings.Repeat(" ", 32<<10), 413, ""},
		{off, "POST", "/v1/revocations", fmt.Sprintf(`{"jti":"1","until":%d}`, in), 409, "AUTH"},
		{away, "POST", "/v1/revocations", fmt.Sprintf(`{"jti":"1","until":%d}`, in), 503, ""},

		{o, "DELETE", at + "/clients/" + someone, "", 204, ""},
		{o, "DELETE", at + "/clients/" + someone, "", 204, ""}, // lately
		{o, "DELETE", "/v1/rooms/" + empty + "/clients/" + someone, "", 404, ""},
		{o, "DELETE", at + "/clients/nobody", "", 400, "UUID"},
		{away, "DELETE", at + "/clients/" + someone, "", 503, ""},
		{o, "DELETE", at, "", 200, `"removed":1`},
		{o, "DELETE", at, "", 200, `"removed":0`},
		{o, "DELETE", "/v1/rooms/%20", "", 400, ""},
		{away, "DELETE", at, "", 503, ""},

		{o, "GET", "/v1/", "", 404, "no such call"},
		{o, "PUT", at, "", 405, "method"},
	} {
		if status, body := c.o.call(t, c.method, c.path, c.body); status != c.want || !strings.Contains(body, c.holds) {
			t.Errorf("%s %s %.80s: %d %s, want %d with %q", c.method, c.path, c.body, status, body, c.want, c.holds)
		}
	}
	fill := `for i = 1, tonumber(ARGV[1]) do redis.call('ZADD', KEYS[1], ARGV[2], 'x' .. i) end return 1`
	eval(t, url, fill, "rejoin:revoked", streams.MostRevocations, in*1000)
	if status, body := o.call(t, "POST", "/v1/revocations", fmt.Sprintf(`{"jti":"more","until":%d}`, in)); status != 507 {
		t.Errorf("one revocation too many: %d %s", status, body)
	}
	for _, authorization := range []string{"", "Bearer", "Bearer ", "Bearer wrong", "Basic " + token, token, "Bearer " + token + "x"} {
		for _, path := range []string{at, "/v1/rooms/%20", "/v1/none"} { // whether it is there or not is not told
			if status, body := o.callAs(t, authorization, "GET", path, ""); status != 401 {
				t.Errorf("%q: GET %s: %d %s", authorization, path, status, body)
			}
		}
		o.callAs(t, authorization, "DELETE", at, "")
		o.callAs(t, authorization, "DELETE", at+"/clients/"+someone, "")
		o.callAs(t, authorization, "POST", at+"/messages", "")
		o.callAs(t, authorization, "POST", "/v1/revocations", "")
	}
	var missing []string
	for _, name := range s.documented() {
		if !s.seen[name] {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 {
		t.Errorf("documented, and never answered:\n%s", strings.Join(missing, "\n"))
	}
	lines := o.log.String()
	for _, secret := range []string{token, "wrong", room, someone, "hash-of-a-token", "<é>", "lobby"} {
		if strings.Contains(lines, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	for _, line := range []string{"call=/v1/rooms/{room} room=abababab", "method=DELETE status=204", "client=3f1f6f9e", "status=401"} {
		if !strings.Contains(lines, line) {
			t.Errorf("the log does not hold %q", line)
		}
	}
}
