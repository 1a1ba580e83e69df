package turn

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// CheckURL says what is wrong with a STUN or TURN URL: <scheme>:<host>[:<port>][?transport=udp|tcp] (RFC 7064 section
// 3.1, RFC 7065 section 3.1), nil if nothing is. Only TURN has a transport. A browser throws on what is not of this form.
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
	if !isHostPort(u.Opaque) {
		return wrong("want host or host:port behind " + u.Scheme + ":")
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

func isHostPort(text string) bool {
	host := text
	if h, port, err := net.SplitHostPort(text); err == nil {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return false
		}
		host = h
	} else if inner, ok := strings.CutPrefix(text, "["); ok {
		if host, ok = strings.CutSuffix(inner, "]"); !ok {
			return false
		}
	} else if strings.Contains(text, ":") {
		return false
	}
	if strings.Contains(text, "[") {
		return strings.Contains(host, ":") && net.ParseIP(host) != nil
	}
	return host != "" && !strings.ContainsAny(host, "/@[]% ")
}
