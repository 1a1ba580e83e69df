package client

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// parseBase parses the base URL of a service. If it fails, retrying cannot help.
func parseBase(base string) (*url.URL, error) {
	const want = "want ws://host:port or wss://host, with http and https as other names for them"
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("URL %q: %w; %s", base, unwrapURL(err), want)
	}
	switch u.Scheme {
	case "ws", "wss", "http", "https":
	default:
		return nil, fmt.Errorf("URL %q: scheme %q; %s", base, u.Scheme, want)
	}
	if u.Hostname() == "" {
		return nil, fmt.Errorf("URL %q: no host; %s", base, want)
	}
	if strings.Contains(u.Hostname(), ":") && !strings.HasPrefix(u.Host, "[") {
		return nil, fmt.Errorf("URL %q: an IPv6 address stands in brackets, like ws://[::1]:4000", base)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, fmt.Errorf("URL %q: port %s; want 1 to 65535", base, port)
		}
	}
	return u, nil
}

// endpoint is the URL of our room below base (rules P1.2 and R10.1). A query in base is kept; its fragment is never sent.
func (cfg *Config) endpoint(base string) (string, error) {
	u, err := parseBase(base)
	if err != nil {
		return "", err
	}
	query := u.Query()
	query.Set("source", cfg.Role)
	query.Set("target", cfg.Target)
	if isConnectionID(cfg.Room) {
		u = u.JoinPath(cfg.Room)
	} else {
		u = u.JoinPath("rooms", url.PathEscape(cfg.Room))
	}
	u.RawQuery, u.Fragment, u.RawFragment = query.Encode(), "", ""
	return u.String(), nil
}

// isConnectionID reports whether room is 64 hexadecimal digits, as in the plain dialect (rule P1.1).
func isConnectionID(room string) bool {
	raw, err := hex.DecodeString(room)
	return err == nil && len(raw) == 32
}

// unwrapURL strips the URL from an error, because it contains the room, which must not be logged.
func unwrapURL(err error) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		return withURL.Err
	}
	return err
}

// withRedirects gives h a redirect policy, unless it has one: follow to the same host only, and never from TLS to plain. The
// request carries the resume token, which net/http would send to any host. A redirect that is not followed is a *RefusedError.
func withRedirects(h *http.Client) *http.Client {
	if h.CheckRedirect != nil {
		return h
	}
	guarded := *h
	guarded.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		from, to := via[0].URL, req.URL
		sameHost := from.Scheme == to.Scheme && from.Host == to.Host
		toTLS := from.Scheme == "http" && to.Scheme == "https" && from.Hostname() == to.Hostname()
		if len(via) > maxRedirects || !sameHost && !toTLS {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return &guarded
}

const maxRedirects = 5
