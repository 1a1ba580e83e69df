package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// private are paths on the instances' private port, which must not be served in public.
var private = []string{"/metrics", "/ready", "/debug/pprof/", "/demo/../metrics", "/demo/%2e%2e/metrics", "/demo//metrics", "/demo/..%2fready"}

func (t target) private(ctx context.Context) error {
	for _, path := range private {
		status, body, err := t.get(ctx, path)
		if err != nil {
			return err
		}
		if status == http.StatusOK && !strings.Contains(body, "<html") {
			return fmt.Errorf("GET %s: %d %.40q", path, status, body)
		}
	}
	return nil
}

func (t target) health(ctx context.Context) error {
	status, body, err := t.get(ctx, "/health")
	if err == nil && (status != http.StatusOK || !strings.HasPrefix(body, "ok")) {
		err = fmt.Errorf("GET /health: %d %.40q", status, body)
	}
	return err
}

// demoPage: the page is there, and the port that it opens its WebSocket on is the one that it came from.
func (t target) demoPage(ctx context.Context) error {
	status, body, err := t.get(ctx, "/demo/")
	if err != nil {
		return err
	}
	if status != http.StatusOK || !strings.Contains(body, "<html") {
		return fmt.Errorf("GET /demo/: %d %.40q", status, body)
	}
	_, body, err = t.get(ctx, "/demo/config.json")
	if err != nil {
		return err
	}
	var config struct {
		Port json.Number `json:"websocketPort"`
	}
	if err := json.Unmarshal([]byte(body), &config); err != nil {
		return fmt.Errorf("read config.json: %w", err)
	}
	if u, _ := url.Parse(t.url); u.Port() != config.Port.String() {
		return fmt.Errorf("the page's WebSocket is on port %s, the page at %s", config.Port, t.url)
	}
	return nil
}

func (t target) iceServers(ctx context.Context) error {
	status, body, err := t.get(ctx, "/ice-servers")
	if err != nil {
		return err
	}
	var answer struct {
		Servers []struct{ Credential string } `json:"iceServers"`
	}
	if err := json.Unmarshal([]byte(body), &answer); status != http.StatusOK || err != nil {
		return fmt.Errorf("GET /ice-servers: %d %.40q", status, body)
	}
	for _, s := range answer.Servers {
		if s.Credential != "" {
			return nil
		}
	}
	return fmt.Errorf("%d ICE servers, none with a credential", len(answer.Servers))
}

// get asks for a path exactly as it stands, and follows nothing.
func (t target) get(ctx context.Context, path string) (status int, body string, err error) {
	base, err := url.Parse("http" + strings.TrimPrefix(t.url, "ws"))
	if err != nil {
		return 0, "", fmt.Errorf("read URL: %w", err)
	}
	req := (&http.Request{Method: http.MethodGet, URL: base, Host: base.Host, Header: http.Header{}}).WithContext(ctx)
	req.URL.Opaque = path
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return 0, "", fmt.Errorf("GET %s: %w", path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return 0, "", fmt.Errorf("GET %s: %w", path, err)
	}
	return res.StatusCode, string(text), nil
}
