package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// parseBase reads the base URL of a service. Where the error says what is wrong, retrying would never help.
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

// endpoint is the address of our room below base (rule P1.2). What base has as a query stays; its fragment never leaves us.
func (cfg *Config) endpoint(base string) (string, error) {
	u, err := parseBase(base)
	if err != nil {
		return "", err
	}
	target := Extension
	if cfg.Source == Extension {
		target = Wallet
	}
	query := u.Query()
	query.Set("source", cfg.Source)
	query.Set("target", target)
	u = u.JoinPath(cfg.Room)
	u.RawQuery, u.Fragment, u.RawFragment = query.Encode(), "", ""
	return u.String(), nil
}

// unwrapURL takes the URL out of an error: it names the room, which is for nobody's log.
func unwrapURL(err error) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		return withURL.Err
	}
	return err
}

// withRedirects gives h a rule for redirects, unless it has one: they are followed to the same host only, and not from TLS to none. The
// request carries the resume token, which net/http would hand to any host. A redirect that is not followed is a *RefusedError.
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
