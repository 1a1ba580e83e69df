package wire_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

const room = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestParseConnectAccepts(t *testing.T) {
	t.Parallel()
	const query = "?source=wallet&target=extension"
	upper := strings.ToUpper(room)
	for _, target := range []string{
		"/" + room + query,
		"/" + upper + query,
		"/" + room + "?target=extension&source=wallet",
		"/" + room + "?target=extension&source=wallet&source=extension&target=wallet",
		"/" + room + "?&&x&=y&a=b&" + query[1:] + "&token=%zz",
		"/" + room + "?s%6furce=w%61ll%65t&%74arget=extension",
		"/" + room + "?source=wallet&target=extension#source=extension",
		"/%30" + room[1:] + query,
		"/x/../" + room + query,
		"/./x/y/../.././" + room + query,
		"/../../" + room + query,
		"/%2e%2E/" + room + query,
		"/x%2f..%2F" + room + query,
		"/x//../../" + room + query,
		"//" + room + query,
		"///" + room + query,
		"/%2F" + room + query,
		"//x//..//" + room + query,
		"http://host//" + room + query,
		"http://host/" + room + query,
		"HTTPS://user@[::1]:80/x/../" + room + query,
		"ws://host/" + room + query,
		"wss://host:443/" + room + query,
	} {
		got, err := wire.ParseConnect([]byte(target), wire.Plain)
		if err != nil || got.Room.String() != room || got.Source != wire.Wallet {
			t.Errorf("ParseConnect(%q) = %v, %v", target, got, err)
		}
	}
	got, err := wire.ParseConnect([]byte("/"+room+"?source=extension&target=wallet"), wire.Plain)
	if err != nil || got.Source != wire.Extension {
		t.Errorf("the other way round: %v, %v", got, err)
	}
}

func TestParseTargetCutsTheBaseOff(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ base, target, path string }{
		{"", "/a", "/a"},
		{"/b", "/b/a?q", "/a"},
		{"/b", "//b///a", "/a"},
		{"/b", "/x/../b/a", "/a"},
		{"/b", "http://host/b/a", "/a"},
		{"/b", "/b", ""},
		{"/b", "/b/", "/"},
		{"/b", "/bc/a", "/bc/a"},
		{"/b", "/a", "/a"}, // a proxy may have cut it off already
		{"/b", "/b/b/a", "/b/a"},
		{"/b/c", "/b/c/a", "/a"},
		{"/b/c", "/b/a", "/b/a"},
	} {
		if got, err := wire.ParseTarget([]byte(test.target), test.base); err != nil || string(got.Path) != test.path {
			t.Errorf("%s below %q: %q, %v; want %q", test.target, test.base, got.Path, err, test.path)
		}
	}
	for text, want := range map[string]string{"": "", "/": "", "//": "", "b": "/b", "/b": "/b", "/b/": "/b", "b/c/": "/b/c", "/é": "/é"} {
		if got, ok := wire.ParseBase(text); !ok || got != want {
			t.Errorf("base %q: %q, %v; want %q", text, got, ok, want)
		}
	}
	for _, text := range []string{"/b?c", "/b#c", "/b/../c", "/./b", "/b//c", "/b c", "/b%20c", "http://host/b"} {
		if got, ok := wire.ParseBase(text); ok {
			t.Errorf("base %q was taken as %q", text, got)
		}
	}
}

func TestParseConnectRefusesInOrder(t *testing.T) {
	t.Parallel()
	const (
		noRoom, noTarget, badTarget = "missing connectionId in path", "missing target", "invalid target"
		noSource, badSource         = "missing source", "invalid source"
		same                        = "source and target needs to be different"
	)
	for target, reason := range map[string]string{
		"/":                                               noRoom,
		"/?source=wallet&target=extension":                noRoom,
		"/health":                                         noRoom,
		"/@[":                                             noRoom,
		"http://host":                                     noRoom,
		"http://host?source=wallet":                       noRoom,
		"/" + room + "/":                                  noRoom,
		"/" + room + "/.":                                 noRoom,
		"/" + room + "/x/..":                              noRoom,
		"/x/" + room:                                      noRoom,
		"/" + room + "0":                                  noRoom,
		"/" + room[1:]:                                    noRoom,
		"/g" + room[1:]:                                   noRoom,
		"/+" + room[1:]:                                   noRoom,
		"/%20" + room[1:]:                                 noRoom,
		"/" + room + "%00":                                noRoom,
		"/" + room + "%3Fsource=wallet":                   noRoom,
		"/" + room:                                        noTarget,
		"/" + room + "?":                                  noTarget,
		"/" + room + "?source=x":                          noTarget,
		"/" + room + "?target":                            noTarget,
		"/" + room + "?target=&target=wallet":             noTarget,
		"/" + room + "?Target=wallet":                     noTarget,
		"/" + room + "?source=x&target=Wallet":            badTarget,
		"/" + room + "?target=wallet+":                    badTarget,
		"/" + room + "?target=%77allet%":                  badTarget,
		"/" + room + "?target=%7":                         badTarget,
		"/" + room + "?target=wallet=":                    badTarget,
		"/" + room + "?target=wallet;source=x":            badTarget,
		"/" + room + "?target=wallet":                     noSource,
		"/" + room + "?target=wallet&source=":             noSource,
		"/" + room + "?target=wallet#&source=x":           noSource,
		"/" + room + "?target=wallet&source=x":            badSource,
		"/" + room + "?target=wallet&source=%00":          badSource,
		"/" + room + "?target=wallet&source=wallet":       same,
		"/" + room + "?source=extension&target=extension": same,
	} {
		_, err := wire.ParseConnect([]byte(target), wire.Plain)
		var refused *wire.RefusedError
		if !errors.As(err, &refused) || refused.Reason != reason || err.Error() != "refuse connect: "+reason {
			t.Errorf("ParseConnect(%q): %v, want %q", target, err, reason)
		}
	}
}

func TestParseConnectKnowsMalformedTargets(t *testing.T) {
	t.Parallel()
	for _, target := range []string{
		"", "@[", "*", room, "?source=wallet", "#", " /", "\x00", "host:80", "http:/" + room, "http://", "http:///" + room, "http://?x",
		"ftp://host/" + room, "://host/", "/%", "/%1", "/%zz", "/" + room + "%g0?source=wallet", "http://host/%",
	} {
		if _, err := wire.ParseConnect([]byte(target), wire.Plain); !errors.Is(err, wire.ErrMalformedTarget) {
			t.Errorf("ParseConnect(%q): %v", target, err)
		}
	}
}
