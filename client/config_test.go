package client_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/client"
)

func TestURLsAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(s.url(), "ws://"))
	for _, tc := range []struct{ url, want string }{
		{" " + s.url() + "\n", "/" + room + "?source=extension&target=wallet"},
		{s.URL, "/" + room + "?source=extension&target=wallet"},
		{"WS" + strings.TrimPrefix(s.url(), "ws"), "/" + room + "?source=extension&target=wallet"},
		{"ws://localhost:" + port + "/", "/" + room + "?source=extension&target=wallet"},
		{s.url() + "/prefix/", "/prefix/" + room + "?source=extension&target=wallet"},
		{s.url() + "?key=a%20b&source=nonsense#fragment", "/" + room + "?key=a+b&source=extension&target=wallet"},
	} {
		cfg := fast(s)
		cfg.URL, cfg.Room, cfg.Source = tc.url, room+"\r\n", client.Extension+" "
		if _, conn := dial(t, s, cfg, func(c *conn) { c.fresh("t1") }); conn.query != tc.want {
			t.Errorf("%q connects to %s, want %s", tc.url, conn.query, tc.want)
		}
	}
}

func TestIPv6Literal(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here:", err)
	}
	s := newServer(t, nil)
	six := http.Server{Handler: s.Config.Handler, ReadHeaderTimeout: patience}
	go func() { _ = six.Serve(l) }()
	t.Cleanup(func() { _ = six.Close() })
	cfg := fast(s)
	cfg.URL = "ws://" + l.Addr().String()
	dial(t, s, cfg, func(c *conn) { c.fresh("t1") })
}

func TestBadConfigurationIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	good := client.Config{URL: "ws://localhost:4000", Room: room, Source: client.Wallet}
	cases := map[string]func(*client.Config){
		"header":          func(c *client.Config) { c.Header = http.Header{"Origin": {"a\r\nb"}} },
		"back-off":        func(c *client.Config) { c.Backoff.Min = -1 },
		"connect timeout": func(c *client.Config) { c.ConnectTimeout = -time.Second },
		"outbox":          func(c *client.Config) { c.Outbox = -1 },
		"events":          func(c *client.Config) { c.Events = -1 },
		"read limit":      func(c *client.Config) { c.ReadLimit = -1 },
		"token":           func(c *client.Config) { c.Resume = &client.Position{Token: "two words"} },
		"entry":           func(c *client.Config) { c.Resume = &client.Position{Token: "t", After: "soon"} },
		"role":            func(c *client.Config) { c.Source = "phone" },
	}
	for _, u := range []string{
		"", " \n", "localhost:4000", "ftp://localhost", "ws://", "ws:///room", "ws://:4000", "ws://localhost:0", "ws://localhost:99999",
		"ws://::1:4000", "ws://local\nhost", "wss//localhost", "ws://${HOST}:4000", "localhost",
	} {
		cases["URL "+u] = func(c *client.Config) { c.URL = u }
	}
	for name, spoil := range cases {
		cfg := good
		spoil(&cfg)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if _, err := client.Dial(ctx, cfg); err == nil || ctx.Err() != nil || !strings.HasPrefix(err.Error(), "configure client: ") {
			t.Errorf("%s: %v, want a configuration error", name, err)
		} else if strings.Contains(err.Error(), "two words") {
			t.Errorf("%s: the error repeats a secret: %v", name, err)
		}
		cancel()
	}
}

func TestPositionFromAFile(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	cfg := fast(s)
	cfg.Resume = &client.Position{Token: "t1\n", After: "7-0\n"}
	_, conn := dial(t, s, cfg, takeUp)
	if got := strings.Join(conn.offer, " "); got != "rejoin.v1 rejoin.resume.t1 rejoin.after.7-0" {
		t.Errorf("offer %s", got)
	}
}
