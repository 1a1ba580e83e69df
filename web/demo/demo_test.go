package demo_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/web/demo"
)

func get(t *testing.T, path, from string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.RemoteAddr = from
	w := httptest.NewRecorder()
	demo.Handler(demo.Config{WebSocketPort: 4321}).ServeHTTP(w, r)
	return w
}

func TestServesThePage(t *testing.T) {
	t.Parallel()
	for path, kind := range map[string]string{
		"/demo/": "text/html", "/demo/app.js": "text/javascript", "/demo/style.css": "text/css", "/demo/icon.svg": "image/svg+xml",
		"/demo/room.html": "text/html", "/demo/room.js": "text/javascript", "/demo/room.css": "text/css",
		"/demo/peerjs.html": "text/html", "/demo/peerjs.js": "text/javascript", "/demo/licenses.txt": "text/plain",
	} {
		w := get(t, path, "192.0.2.1:1")
		if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), kind) {
			t.Errorf("%s: %d %s", path, w.Code, w.Header().Get("Content-Type"))
		}
	}
	if w := get(t, "/demo/other", "192.0.2.1:1"); w.Code != http.StatusNotFound {
		t.Errorf("a page that is not there: %d", w.Code)
	}
}

func TestPolicyAllowsNoOtherOriginAndNothingInline(t *testing.T) {
	t.Parallel()
	w := get(t, "/demo/", "192.0.2.1:1")
	policy := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "ws://*:4321"} {
		if !strings.Contains(policy, want) {
			t.Errorf("no %q in %q", want, policy)
		}
	}
	page := w.Body.String()
	if strings.Contains(policy, "unsafe") || strings.Contains(page, "style=") || strings.Contains(page, "<script>") || strings.Contains(page, "http") {
		t.Errorf("something inline or from elsewhere:\n%s\n%s", policy, page)
	}
}

func TestOnlyTheMachineItselfIsToldItsAddresses(t *testing.T) {
	t.Parallel()
	w := get(t, "/demo/config.json", "192.0.2.1:1")
	var config map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &config); err != nil {
		t.Fatal(err)
	}
	if config["websocketPort"] != 4321.0 || config["iceServers"] != false || config["peerJS"] != nil {
		t.Errorf("got %v", config)
	}
	if list, ok := config["addresses"].([]any); !ok || len(list) != 0 {
		t.Errorf("a stranger is told %v", config["addresses"])
	}
}

func TestThePageIsToldWherePeerJSClientsAreServed(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	demo.Handler(demo.Config{PeerJSPath: "/app/", PeerJSKey: "secret"}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/demo/config.json", nil))
	var config struct{ PeerJS map[string]string }
	if err := json.Unmarshal(w.Body.Bytes(), &config); err != nil {
		t.Fatal(err)
	}
	if config.PeerJS["path"] != "/app/" || config.PeerJS["key"] != "secret" {
		t.Errorf("got %s", w.Body)
	}
}
