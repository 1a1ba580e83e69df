package wire_test

import (
	"bytes"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

// FuzzParseConnect looks for panics and for an answer that net/url does not lead to.
func FuzzParseConnect(f *testing.F) {
	for _, target := range []string{
		"/" + room + "?source=wallet&target=extension", "/x/../" + room + "?target=wallet&source=extension",
		"/%30" + room[1:] + "?s%6furce=+&target",
		"http://host/" + room + "?source=wallet&target=extension#f", "@[", "*", "", "/%", "/./..//.", "/..?&=&%=%+", "wss://",
	} {
		f.Add([]byte(target))
	}
	f.Fuzz(func(t *testing.T, target []byte) {
		before := bytes.Clone(target)
		got, err := wire.ParseConnect(target, wire.Plain)
		if !bytes.Equal(before, target) {
			t.Fatal("the target was changed")
		}
		var refused *wire.RefusedError
		switch {
		case errors.Is(err, wire.ErrMalformedTarget), errors.As(err, &refused):
			if got != (wire.Connect{}) {
				t.Fatalf("%v beside %v", got, err)
			}
			return
		case err != nil:
			t.Fatalf("unknown error %v", err)
		}
		text, _, _ := strings.Cut(string(target), "#")
		_, query, _ := strings.Cut(text, "?")
		if first(query, "source") != got.Source.String() || first(query, "target") != got.Source.Opposite().String() {
			t.Fatalf("ParseConnect(%q) = %v", target, got)
		}
		canonical := "/" + got.Room.String() + "?source=" + got.Source.String() + "&target=" + got.Source.Opposite().String()
		if again, err := wire.ParseConnect([]byte(canonical), wire.Plain); err != nil || again != got {
			t.Fatalf("ParseConnect(%q) = %v, %v", canonical, again, err)
		}
	})
}

// first returns the first parameter of that name, as net/url decodes it.
func first(query, name string) string {
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if key, err := url.QueryUnescape(key); err == nil && key == name {
			value, _ := url.QueryUnescape(value)
			return value
		}
	}
	return ""
}

// FuzzParseSubprotocols checks that an answer was offered, can be put into a header, and that nothing is made up.
func FuzzParseSubprotocols(f *testing.F) {
	f.Add("rejoin.v1, rejoin.resume.abc, rejoin.after.1-2", "")
	f.Add("mqtt", "rejoin.v1")
	f.Add(" ,, a b,\tc\r\n", "rejoin.resume.,rejoin.after.")
	f.Fuzz(func(t *testing.T, one, other string) {
		offer := wire.ParseSubprotocols(one, other)
		var offered []string
		for name := range strings.SplitSeq(one+","+other, ",") {
			offered = append(offered, strings.Trim(name, " \t"))
		}
		has := func(name string) bool { return slices.Contains(offered, name) }
		if offer.Accept != "" && (!has(offer.Accept) || strings.ContainsAny(offer.Accept, " \t\r\n,;\"\x00")) {
			t.Fatalf("answers %q", offer.Accept)
		}
		if (offer.Dialect == wire.RejoinV1) != has(wire.Subprotocol) || (offer.Accept == wire.Subprotocol) != has(wire.Subprotocol) {
			t.Fatalf("dialect %v, accept %q", offer.Dialect, offer.Accept)
		}
		if offer.Resume && !has("rejoin.resume."+offer.Token) || offer.After != "" && !has("rejoin.after."+offer.After) {
			t.Fatalf("made up %+v", offer)
		}
		if offer.Dialect == wire.Plain && (offer.Resume || offer.After != "") || !offer.Resume && offer.Token != "" {
			t.Fatalf("comes back without a session: %+v", offer)
		}
	})
}

// FuzzParseResumeToken checks that a token has one text.
func FuzzParseResumeToken(f *testing.F) {
	good := wire.NewResumeToken(wire.ClientID{1}, wire.RoomID{2}, wire.Wallet, time.Unix(3, 0)).String()
	for _, text := range []string{good, good[1:], good[:53] + "B", good[:52] + "\r\n", strings.Repeat("-", 54), ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		token, ok := wire.ParseResumeToken(text)
		if ok && token.String() != text || !ok && token != (wire.ResumeToken{}) {
			t.Fatalf("ParseResumeToken(%q) = %v, %v", text, token, ok)
		}
	})
}

// FuzzParseEntryID checks that an entry ID has one text.
func FuzzParseEntryID(f *testing.F) {
	for _, text := range []string{
		"0-0", "7-12", "18446744073709551615-18446744073709551615", "18446744073709551616-0", "01-1",
		"1-+1", "-", "",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		id, ok := wire.ParseEntryID(text)
		if ok && id.String() != string(text) || !ok && !id.IsZero() {
			t.Fatalf("ParseEntryID(%q) = %v, %v", text, id, ok)
		}
	})
}
