package address_test

import (
	"net/netip"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/address"
)

func TestClient(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for _, test := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"nobody between", "192.0.2.1", nil, "192.0.2.1"},
		{"a header of its own", "192.0.2.1", []string{"198.51.100.7"}, "192.0.2.1"},
		{"behind a proxy", "10.1.2.3", []string{"198.51.100.7"}, "198.51.100.7"},
		{"behind two", "10.1.2.3", []string{"198.51.100.7, 10.9.9.9"}, "198.51.100.7"},
		{"in two headers", "10.1.2.3", []string{"198.51.100.7", "10.9.9.9"}, "198.51.100.7"},
		{"what it made up", "10.1.2.3", []string{"203.0.113.1, 198.51.100.7"}, "198.51.100.7"},
		{"a proxy that says nothing", "10.1.2.3", nil, "10.1.2.3"},
		{"a proxy that says nonsense", "10.1.2.3", []string{"unknown"}, "10.1.2.3"},
		{"a proxy that tells the port", "10.1.2.3", []string{"198.51.100.7:50123"}, "198.51.100.7"},
		{"and of IPv6", "10.1.2.3", []string{"[2a00:1:2:3:4:5:6:7]:50123"}, "2a00:1:2:3::"},
		{"IPv6 in brackets", "10.1.2.3", []string{"[2a00:1:2:3:4:5:6:7]"}, "2a00:1:2:3::"},
		{"IPv6", "2a00::1:2:3:4", nil, "2a00::"},
		{"IPv6 behind a proxy", "2001:db8::1", []string{"2a00:1:2:3:4:5:6:7"}, "2a00:1:2:3::"},
		{"a link-local address", "fe80::1%eth0", nil, "fe80::"},
		{"NAT64", "64:ff9b::192.0.2.1", nil, "192.0.2.1"},
		{"NAT64 of another", "64:ff9b::c000:202", nil, "192.0.2.2"},
		{"NAT64 for local use", "64:ff9b:1::192.0.2.1", nil, "192.0.2.1"},
		{"NAT64 for local use, in a network of its own", "64:ff9b:1:abcd:0:1:192.0.2.1", nil, "192.0.2.1"},
		{"beside NAT64", "64:ff9b:0:1::192.0.2.1", nil, "64:ff9b:0:1::"},
		{"6to4 is IPv6", "2002:c000:201::1", nil, "2002:c000:201::"},
		{"Teredo is IPv6", "2001:0:c000:201::1", nil, "2001:0:c000:201::"},
		{"NAT64 behind a proxy", "10.1.2.3", []string{"64:ff9b::192.0.2.1"}, "192.0.2.1"},
		{"a proxy behind NAT64", "64:ff9b::10.1.2.3", []string{"198.51.100.7"}, "198.51.100.7"},
		{"empty elements", "10.1.2.3", []string{"203.0.113.1, 198.51.100.7,, ,", "", " , 10.9.9.9 ,"}, "198.51.100.7"},
		{"only empty elements", "10.1.2.3", []string{"", ",", " "}, "10.1.2.3"},
		{"nonsense between", "10.1.2.3", []string{"203.0.113.1, unknown, 10.9.9.9"}, "10.9.9.9"},
		{"in quotes", "10.1.2.3", []string{`"[2a00:1:2:3::7]:50123"`}, "2a00:1:2:3::"},
		{"with a zone", "10.1.2.3", []string{"fe80::1%eth0"}, "fe80::"},
		{"a trusted peer with a zone", "2001:db8::1%eth0", []string{"198.51.100.7"}, "198.51.100.7"},
		{"mapped, behind a proxy", "10.1.2.3", []string{"::ffff:192.0.2.1"}, "192.0.2.1"},
		{"mapped, with a port", "10.1.2.3", []string{"[::ffff:192.0.2.1]:50123"}, "192.0.2.1"},
		{"IPv4 in IPv6", "::ffff:192.0.2.1", nil, "192.0.2.1"},
	} {
		if got := address.Client(netip.MustParseAddr(test.peer), test.forwarded, trusted); got.String() != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestParseNetwork(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"10.0.0.0/8": "10.0.0.0/8", "192.0.2.1": "192.0.2.1/32", "2001:db8::1": "2001:db8::1/128", "::ffff:10.0.0.0/104": "10.0.0.0/8", "::ffff:10.0.0.1": "10.0.0.1/32"} {
		if got, err := address.ParseNetwork(text); err != nil || got.String() != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "10.0.0.0/40", "example.com", "fe80::1%eth0"} {
		if got, err := address.ParseNetwork(text); err == nil {
			t.Errorf("%q is %s", text, got)
		}
	}
}
