package origin

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"github.com/rejoin-dev/rejoin/internal/host"
)

// wildcard matches every value of a part.
const wildcard = "*"

// parts are the serialised parts of an origin. In a setting each except the scheme may be a pattern.
type parts struct {
	scheme string
	host   string // "*": any, "*.example": any subdomain; IPv6 in brackets
	port   string // "": the scheme's default, "*": any
}

func (p parts) String() string {
	if p.port == "" {
		return p.scheme + "://" + p.host
	}
	return p.scheme + "://" + p.host + ":" + p.port
}

// isPattern reports whether p matches more than one origin.
func (p parts) isPattern() bool { return strings.HasPrefix(p.host, wildcard) || p.port == wildcard }

// matches reports whether p matches a serialised origin.
func (p parts) matches(o parts) bool {
	if p.scheme != o.scheme || p.port != wildcard && p.port != o.port {
		return false
	}
	if below, ok := strings.CutPrefix(p.host, wildcard); ok {
		return len(o.host) > len(below) && strings.HasSuffix(o.host, below)
	}
	return p.host == o.host
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}

// noPages are schemes that no page's origin has, so they would never match.
var noPages = map[string]string{
	"ws": "a page's origin is http://…, whatever its WebSocket is", "wss": "a page's origin is https://…, whatever its WebSocket is",
	"file": "pages of file: have the origin null", "data": "pages of data: have the origin null", "blob": "pages of blob: have the origin of their maker",
	"ftp": "browsers load no pages from ftp:", "about": "about: is no origin", "javascript": "javascript: is no origin",
}

// parse parses scheme://host[:port], with an optional trailing slash, as copied from an address bar.
func parse(text string) (p parts, err error) {
	scheme, rest, ok := strings.Cut(text, "://")
	p.scheme = strings.ToLower(scheme)
	rest = strings.TrimSuffix(rest, "/")
	switch {
	case !ok || !isScheme(p.scheme):
		return p, errors.New("the scheme is missing")
	case noPages[p.scheme] != "":
		return p, errors.New(noPages[p.scheme])
	case strings.ContainsAny(rest, `/\?#`):
		return p, errors.New("an origin ends behind its host and port")
	case strings.Contains(rest, "@"):
		return p, errors.New("an origin has no user")
	}
	name, port := cutPort(rest)
	if p.port, err = serialisePort(port, p.scheme); err != nil {
		return p, err
	}
	p.host, err = serialisePattern(name, defaultPorts[p.scheme] != "")
	return p, err
}

func isScheme(s string) bool {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == ""
}

// cutPort cuts at the last colon outside brackets.
func cutPort(s string) (name, port string) {
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, ']') {
		return s[:i], s[i+1:]
	}
	return s, ""
}

func serialisePort(port, scheme string) (string, error) {
	if port == "" || port == wildcard {
		return port, nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "", errors.New("the port is a number up to 65535")
	}
	if port = strconv.FormatUint(n, 10); port == defaultPorts[scheme] {
		return "", nil
	}
	return port, nil
}

// serialisePattern is serialiseHost for hosts that may begin with a star.
func serialisePattern(name string, web bool) (string, error) {
	if name == wildcard {
		return wildcard, nil
	}
	below, isPattern := strings.CutPrefix(name, wildcard+".")
	if strings.Contains(below, wildcard) {
		return "", errors.New("a * stands at the start and for whole labels: https://*.example.com")
	}
	below, err := serialiseHost(below, web)
	if err != nil || !isPattern {
		return below, err
	}
	if _, err := netip.ParseAddr(strings.Trim(below, "[]")); err == nil {
		return "", errors.New("an address has no subdomains")
	}
	return wildcard + "." + below, nil
}

// profile is "domain to ASCII" of the WHATWG URL standard.
var profile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(false), idna.CheckHyphens(false),
	idna.VerifyDNSLength(false))

// serialiseHost is the standard's host parser and serialiser for web schemes. Other schemes have opaque hosts.
func serialiseHost(name string, web bool) (string, error) {
	if inner, ok := strings.CutPrefix(name, "["); ok {
		return serialiseIPv6(inner)
	}
	name, err := url.PathUnescape(name)
	if err == nil && web {
		name, err = profile.ToASCII(name)
	}
	if err != nil {
		return "", errors.New("the host is no name that IDNA knows")
	}
	name = strings.ToLower(name)
	if web && endsInNumber(name) {
		return serialiseIPv4(name)
	}
	return name, host.Check(name)
}

func serialiseIPv6(inner string) (string, error) {
	inner, ok := strings.CutSuffix(inner, "]")
	addr, err := netip.ParseAddr(inner)
	if !ok || err != nil || !addr.Is6() || addr.Zone() != "" {
		return "", errors.New("in brackets stands an IPv6 address")
	}
	if addr.Is4In6() { // net/netip would write it with dots
		b := addr.As16()
		return fmt.Sprintf("[::ffff:%x:%x]", uint(b[12])<<8|uint(b[13]), uint(b[14])<<8|uint(b[15])), nil
	}
	return "[" + addr.String() + "]", nil
}

func endsInNumber(name string) bool {
	name = strings.TrimSuffix(name, ".")
	_, err := ipv4Number(name[strings.LastIndexByte(name, '.')+1:])
	return err == nil
}

// serialiseIPv4 is the IPv4 parser of the standard: one to four numbers, decimal, octal or hexadecimal; the last fills the remaining bytes.
func serialiseIPv4(name string) (string, error) {
	errAddress := errors.New("a host that ends in a number is an IPv4 address")
	words := strings.Split(strings.TrimSuffix(name, "."), ".")
	if len(words) > 4 {
		return "", errAddress
	}
	var sum uint64
	for i, word := range words {
		n, err := ipv4Number(word)
		last := i == len(words)-1
		if err != nil || !last && n > 255 || last && n >= 1<<(8*(5-len(words))) {
			return "", errAddress
		}
		if last {
			sum += n
		} else {
			sum += n << (8 * (3 - i))
		}
	}
	return netip.AddrFrom4([4]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}).String(), nil
}

func ipv4Number(word string) (uint64, error) {
	base, digits := 10, word
	if len(word) > 1 && word[0] == '0' {
		base, digits = 8, word[1:]
		if word[1]|0x20 == 'x' {
			if base, digits = 16, word[2:]; digits == "" {
				return 0, nil
			}
		}
	}
	return strconv.ParseUint(digits, base, 64)
}
