package settings

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"

	"github.com/rejoin-dev/rejoin/internal/address"
	"github.com/rejoin-dev/rejoin/internal/host"
	"github.com/rejoin-dev/rejoin/internal/origin"
)

// CheckHost strips brackets from HOST, and returns a line if it is bad.
func CheckHost(text *string) []string {
	name, err := host.Listen(*text)
	if err != nil {
		return []string{fmt.Sprintf("HOST=%q: want an address of this machine without a port, like 0.0.0.0 or ::1, or a name: %v", *text, err)}
	}
	*text = name
	return nil
}

// CheckOrigins returns a line for each element of ALLOWED_ORIGINS that can never match.
func CheckOrigins(list []string) (bad []string) {
	if len(list) == 0 {
		return []string{"ALLOWED_ORIGINS: want at least one origin, or *"}
	}
	for _, text := range list {
		var e *origin.Error
		if _, err := origin.Parse([]string{text}); errors.As(err, &e) {
			bad = append(bad, fmt.Sprintf("ALLOWED_ORIGINS=%q: want origins like https://app.example, https://*.app.example, moz-extension://*, null or *: %v", text, e.Err))
		}
	}
	return bad
}

// Proxies parses TRUSTED_PROXIES, and returns a line for each bad element.
func Proxies(list []string) (proxies []netip.Prefix, bad []string) {
	for _, text := range list {
		network, err := address.ParseNetwork(text)
		if err != nil {
			bad = append(bad, fmt.Sprintf("TRUSTED_PROXIES=%q: want networks like 10.0.0.0/8, or addresses", text))
			continue
		}
		proxies = append(proxies, network)
	}
	return proxies, bad
}

// CheckURL returns what is wrong with an http:// or https:// URL to send requests to. It does not repeat what may be a secret.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "":
		return errors.New("want http://host:port or https://host:port")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("want http://host:port or https://host:port, and no ? or #")
	}
	if err := host.CheckURL(u); err != nil {
		return fmt.Errorf("want http://host:port or https://host:port: %w", err)
	}
	return nil
}
