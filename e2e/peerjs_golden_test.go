package e2e_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// golden is what npm peerjs, in Chromium, and npm peer said to each other: e2e/browser/peerjs-record.mjs.
type golden struct {
	Options struct {
		Path      string `json:"path"`
		Key       string `json:"key"`
		Discovery bool   `json:"allow_discovery"`
		Most      int    `json:"concurrent_limit"`
	} `json:"options"`
	Events []struct {
		What    string            `json:"what"`
		Conn    int               `json:"conn"`
		URL     string            `json:"url"`
		Frame   string            `json:"frame"`
		Method  string            `json:"method"`
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers"`
		Body    string            `json:"body"`
	} `json:"events"`
}

// settings are those of PeerServer, as ours.
func (g *golden) settings() []string {
	path, key := g.Options.Path, g.Options.Key
	if path == "" {
		path = "/"
	}
	if key == "" {
		key = "peerjs"
	}
	discovery := "false"
	if g.Options.Discovery {
		discovery = "true"
	}
	return []string{"PEERJS_PATH=" + path, "PEERJS_KEY=" + key, "PEERJS_DISCOVERY=" + discovery}
}

// differs says where we do not do as PeerServer, and why.
var differs = map[string]string{
	"same-token-while-the-old-socket-is-open": "PeerServer sends no OPEN (peerjs issue 1289)",
	"too-many-clients":                        "MAX_CONNECTIONS is told by 503 before the upgrade, so that a balancer can try another instance",
}

var anyID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// TestPeerJSGolden: what the real client says gets the answers that PeerServer gave it, its connections at two instances in turn.
func TestPeerJSGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../internal/peerjs/testdata/golden/*.json")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if differs[name] != "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var g golden
			if err := json.Unmarshal(text, &g); err != nil {
				t.Fatal(err)
			}
			ctx := limit(t)
			settings := append(g.settings(), "REDIS_URL="+redistest.NewServer(t).URL())
			g.play(ctx, t, proctest.Start(t, settings...), proctest.Start(t, settings...))
		})
	}
}

// play does what the client did, and compares what it gets.
func (g *golden) play(ctx context.Context, t *testing.T, instances ...*proctest.Process) {
	conns, gone := map[int]*peerJS{}, map[int]bool{}
	for i, e := range g.Events {
		at := instances[e.Conn%len(instances)]
		if gone[e.Conn] || e.What == "received" && strings.Contains(e.Frame, `"after":"LEAVE"`) {
			continue
		}
		switch e.What {
		case "connect":
			conns[e.Conn] = dialPeerJS(ctx, t, at.Addr(), e.URL)
		case "sent":
			conns[e.Conn].says(e.Frame)
			// PeerServer goes on relaying for a client that has given up its id. Here that ends its connection.
			if gone[e.Conn] = e.Frame == `{"type":"LEAVE"}`; gone[e.Conn] {
				_ = conns[e.Conn].lost()
			}
		case "received":
			if got := conns[e.Conn].next(); !sameJSON(got, e.Frame) {
				t.Fatalf("event %d: connection %d received %s, want %s", i, e.Conn, got, e.Frame)
			}
		case "serverCloses":
			if code := websocket.CloseStatus(conns[e.Conn].lost()); code != websocket.StatusNoStatusRcvd {
				t.Errorf("event %d: closed with %d", i, code)
			}
		case "closed":
			_ = conns[e.Conn].Close(websocket.StatusNormalClosure, "")
		case "http":
			res, body := get(ctx, t, e.Method, "http://"+at.Addr()+e.URL)
			// An id is listed at other instances a moment after its client has got OPEN.
			for e.Status == 200 && res.StatusCode == 200 && !sameBody(body, e.Body) && strings.Contains(e.URL, "/peers") && ctx.Err() == nil {
				res, body = get(ctx, t, e.Method, "http://"+at.Addr()+e.URL)
			}
			if res.StatusCode != e.Status && !(e.Status == 404 && res.StatusCode > 404) { // we say what is wrong: 405, 426
				t.Errorf("%s %s: %s, want %d", e.Method, e.URL, res.Status, e.Status)
			}
			if allowed := e.Headers["access-control-allow-origin"]; res.Header.Get("Access-Control-Allow-Origin") != allowed && e.Status == 200 {
				t.Errorf("%s: may be read by %q, want %q", e.URL, res.Header.Get("Access-Control-Allow-Origin"), allowed)
			}
			if e.Status == 200 && res.Header.Get("Content-Type") != e.Headers["content-type"] {
				t.Errorf("%s: %s, want %s", e.URL, res.Header.Get("Content-Type"), e.Headers["content-type"])
			}
			if !sameBody(body, e.Body) && e.Status == 200 {
				t.Errorf("%s: %q, want %q", e.URL, body, e.Body)
			}
		case "error": // PeerServer could not read a frame; if nothing listens for that, its process ends. It tells no client.
		default:
			t.Fatalf("event %d: %s", i, e.What)
		}
	}
	for _, p := range conns {
		p.quiet()
	}
}

// sameBody compares what a page reads: an id is any id, a list is in any order, and who made the server is another matter.
func sameBody(got, want string) bool {
	var a, b []string
	if json.Unmarshal([]byte(got), &a) == nil && json.Unmarshal([]byte(want), &b) == nil {
		slices.Sort(a)
		slices.Sort(b)
		return slices.Equal(a, b)
	}
	var x, y map[string]string
	if json.Unmarshal([]byte(got), &x) == nil && json.Unmarshal([]byte(want), &y) == nil {
		return x["name"] != "" && y["name"] != ""
	}
	return anyID.MatchString(got) && anyID.MatchString(want)
}
