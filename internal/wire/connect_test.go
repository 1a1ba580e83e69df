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
		"http://host/" + room + query,
		"HTTPS://user@[::1]:80/x/../" + room + query,
		"ws://host/" + room + query,
		"wss://host:443/" + room + query,
	} {
		got, err := wire.ParseConnect([]byte(target))
		if err != nil || got.Room.String() != room || got.Source != wire.Wallet {
			t.Errorf("ParseConnect(%q) = %v, %v", target, got, err)
		}
	}
	got, err := wire.ParseConnect([]byte("/" + room + "?source=extension&target=wallet"))
	if err != nil || got.Source != wire.Extension {
		t.Errorf("the other way round: %v, %v", got, err)
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
		"//" + room + "?source=wallet":                    noRoom,
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
		_, err := wire.ParseConnect([]byte(target))
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
		if _, err := wire.ParseConnect([]byte(target)); !errors.Is(err, wire.ErrMalformedTarget) {
			t.Errorf("ParseConnect(%q): %v", target, err)
		}
	}
}
