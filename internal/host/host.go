// Package host validates host names in settings, before the first connection fails. No error repeats its input,
// which may be part of an unescaped password.
package host

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// The ways in which a host name can be wrong.
var (
	errEmpty      = errors.New("the host is missing")
	errUnexpanded = errors.New("a variable in the host was not expanded")
	errBrackets   = errors.New("an IPv6 address stands in brackets, like [::1]:6379")
	errNumber     = errors.New("a host that ends in a number is an IPv4 address of four, like 192.0.2.1")
	errName       = errors.New("a host name has letters, digits, hyphens and dots only (other alphabets: as xn--…)")
	errPort       = errors.New("the port is 1 to 65535")
)

// Check returns what is wrong with a host name or an IP address without brackets, or nil if one could connect to it.
func Check(name string) error {
	switch {
	case name == "":
		return errEmpty
	case strings.ContainsAny(name, "${}"):
		return errUnexpanded
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return nil
	}
	if strings.Contains(name, ":") {
		return errBrackets
	}
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	for _, label := range labels {
		if !isLabel(label) {
			return errName
		}
	}
	if len(name) > 254 {
		return errName
	}
	if strings.Trim(labels[len(labels)-1], "0123456789") == "" {
		return errNumber
	}
	return nil
}

// isLabel follows package net, which allows underscores because container names have them.
func isLabel(s string) bool {
	for _, c := range []byte(s) {
		alphanumeric := '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
		if !alphanumeric && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 63 && s[0] != '-' && s[len(s)-1] != '-'
}

// CheckAddress returns what is wrong with host:port.
func CheckAddress(address string) error {
	name, port, err := net.SplitHostPort(address)
	switch {
	case strings.ContainsAny(address, "${}"):
		return errUnexpanded
	case err != nil && strings.Count(address, ":") > 1, err == nil && strings.Contains(name, ":") && address[0] != '[':
		return errBrackets
	case err != nil:
		return errPort
	}
	if err := Check(name); err != nil {
		return err
	}
	return CheckPort(port)
}

// CheckPort returns what is wrong with a port to connect to.
func CheckPort(port string) error {
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return errPort
	}
	return nil
}

// CheckAddresses returns what is wrong with the first bad address.
func CheckAddresses(addresses []string) error {
	for _, a := range addresses {
		if err := CheckAddress(a); err != nil {
			return err
		}
	}
	return nil
}

// Listen returns an address to listen on, with any brackets removed. Empty means all addresses.
func Listen(text string) (string, error) {
	if inner, ok := strings.CutPrefix(text, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		if addr, err := netip.ParseAddr(inner); !ok || err != nil || !addr.Is6() {
			return "", errors.New("in brackets stands an IPv6 address, and no port behind it")
		}
		return inner, nil
	}
	if text == "" {
		return "", nil
	}
	if err := Check(text); errors.Is(err, errBrackets) {
		return "", errors.New("the port is a setting of its own")
	} else if err != nil {
		return "", err
	}
	return text, nil
}
