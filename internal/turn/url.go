package turn

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/rejoin-dev/rejoin/internal/host"
)

// CheckURL returns what is wrong with a STUN or TURN URL: <scheme>:<host>[:<port>][?transport=udp|tcp] (RFC 7064 section
// 3.1, RFC 7065 section 3.1), or nil. Only TURN has a transport. Browsers throw on any other form.
func CheckURL(text string, schemes ...string) error {
	wrong := func(what string) error { return fmt.Errorf("ICE server URL %q: %s", text, what) }
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Fragment != "":
		return wrong("not a URL")
	case !slices.Contains(schemes, u.Scheme):
		return wrong("want " + strings.Join(schemes, ": or ") + ":")
	case u.Opaque == "":
		return wrong("want no // behind " + u.Scheme + ":")
	}
	if err := checkHostPort(u.Opaque); err != nil {
		return wrong("want host or host:port behind " + u.Scheme + ": (" + err.Error() + ")")
	}
	switch u.RawQuery {
	case "":
	case "transport=udp", "transport=tcp":
		if !strings.HasPrefix(u.Scheme, "turn") {
			return wrong("only TURN has a transport")
		}
	default:
		return wrong("want ?transport=udp or ?transport=tcp, if anything")
	}
	return nil
}

// checkHostPort returns what is wrong with host or host:port, with IPv6 in brackets.
func checkHostPort(text string) error {
	if !strings.HasPrefix(text, "[") && !strings.Contains(text, ":") {
		return host.Check(text)
	}
	if strings.HasSuffix(text, "]") {
		text += ":1" // any port will do
	}
	if err := host.CheckAddress(text); err != nil {
		return err
	}
	inner, isIPv6 := strings.CutPrefix(text, "[")
	inner, _, _ = strings.Cut(inner, "]")
	if addr, err := netip.ParseAddr(inner); isIPv6 && (err != nil || !addr.Is6() || addr.Zone() != "") {
		return errors.New("in brackets stands an IPv6 address")
	}
	return nil
}
