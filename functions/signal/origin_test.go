package main

import (
	"net/http"
	"strings"
	"testing"
)

// TestOriginsOfPages: what browsers send is matched as the operator meant it, and what is refused is logged, once.
func TestOriginsOfPages(t *testing.T) {
	t.Parallel()
	out, stop := start(t, "ALLOWED_ORIGINS=https://app.example:443 , https://*.bücher.example,moz-extension://*\n", "LOG_FORMAT=json")
	public := "http://127.0.0.1:" + out.await(t, `ws://localhost:(\d+)`)
	for _, c := range []struct {
		origin string
		want   int
	}{
		{"", 101},
		{"https://app.example", 101},
		{"https://a.xn--bcher-kva.example", 101},
		{"moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc", 101},
		{"https://evil.example", 403},
		{"https://evil.example", 403},
		{"null", 403},
	} {
		if got := upgrade(t, public, c.origin); got != c.want {
			t.Errorf("origin %q: %d, want %d", c.origin, got, c.want)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	for _, origin := range []string{"https://evil.example", "null"} {
		if n := strings.Count(out.String(), `"msg":"origin refused: not in ALLOWED_ORIGINS","origin":"`+origin+`"`); n != 1 {
			t.Errorf("%s is logged %d times:\n%s", origin, n, out)
		}
	}
}

// upgrade asks for a WebSocket as a page of that origin, and returns the status.
func upgrade(t *testing.T, public, origin string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, public+"/"+strings.Repeat("a", 64)+"?source=extension&target=wallet", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-WebSocket-Version": {"13"}, "Sec-WebSocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
	}
	if origin != "" {
		req.Header.Set("Origin", origin)
	}
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}
