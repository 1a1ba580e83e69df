package peerjs_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rejoin-dev/rejoin/internal/peerjs"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

func target(tb testing.TB, text string) wire.Target {
	tb.Helper()
	t, err := wire.ParseTarget([]byte(text), "")
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func TestRoute(t *testing.T) {
	t.Parallel()
	digits := strings.Repeat("ab", 32)
	for _, c := range []struct {
		path, target string
		want         peerjs.Route
	}{
		{"/", "/", peerjs.About},
		{"/", "/peerjs", peerjs.Socket},
		{"/", "/peerjs?key=x", peerjs.Socket},
		{"/", "/peerjs/", peerjs.None},
		{"/", "/peerjs/id?ts=1", peerjs.ID},
		{"/", "/peerjs/id/", peerjs.ID},
		{"/", "/other/id", peerjs.ID},
		{"/", "/peerjs/peers", peerjs.Peers},
		{"/", "/peerjs/other", peerjs.None},
		{"/", "/health", peerjs.None},
		{"/", "/" + digits, peerjs.None},
		{"/", "/rooms/id", peerjs.None},
		{"/", "/rooms/peers", peerjs.None},
		{"/", "/rooms/peerjs", peerjs.None},
		{"/app/", "/app", peerjs.About},
		{"/app/", "/app/", peerjs.About},
		{"/app/", "/app/peerjs", peerjs.Socket},
		{"/app/", "/app/key/id", peerjs.ID},
		{"/app/", "/peerjs", peerjs.None},
		{"/app/", "/appeerjs", peerjs.None},
		{"", "/", peerjs.None},
		{"", "/peerjs", peerjs.None},
	} {
		cfg := peerjs.Config{Path: c.path, Key: "peerjs"}
		if got := cfg.Route(target(t, c.target)); got != c.want {
			t.Errorf("%s at %q: got %d, want %d", c.target, c.path, got, c.want)
		}
	}
}

func TestParsePath(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"/": "/", "/app": "/app/", "app": "/app/", "/app/": "/app/", "/a/b": "/a/b/",
		"/rooms": "", "/rooms/x": "", "/health": "", "/" + strings.Repeat("0", 64): "", "/a?b": "", "/a/../b": "", "/a b": "",
	} {
		if got, ok := peerjs.ParsePath(text); ok != (want != "") || ok && got != want {
			t.Errorf("%q: got %q, %v, want %q", text, got, ok, want)
		}
	}
}

func TestHello(t *testing.T) {
	t.Parallel()
	cfg := peerjs.Config{Path: "/", Key: "peerjs"}
	for _, c := range []struct{ query, id, refused string }{
		{"key=peerjs&id=a&token=t", "a", ""},
		{"key=peerjs&id=a&token=t&version=1.5.5", "a", ""},
		{"key=other&key=peerjs&id=b&id=a&token=t", "a", ""}, // as Object.fromEntries has it
		{"key=peerjs&id=a%20%F0%9F%98%80+b&token=t", "a 😀 b", ""},
		{"key=peerjs&id=%ff&token=t", "\uFFFD", ""},
		{"key=other&id=a&token=t", "", peerjs.BadKey},
		{"id=a&token=t", "", peerjs.BadParameters},
		{"key=peerjs&token=t", "", peerjs.BadParameters},
		{"key=peerjs&id=a", "", peerjs.BadParameters},
		{"key=peerjs&id=&token=t", "", peerjs.BadParameters},
		{"key=peerjs&id=%00&token=t", "", peerjs.BadParameters},
		{"key=peerjs&id=" + strings.Repeat("a", 256) + "&token=t", "", peerjs.BadParameters},
		{"key=peerjs&id=a&token=" + strings.Repeat("t", 8<<10+1), "", peerjs.BadParameters},
		{"", "", peerjs.BadParameters},
	} {
		h, refused := cfg.Hello(target(t, "/peerjs?"+c.query))
		if h.ID != c.id || refused != c.refused {
			t.Errorf("%.60s: got %q, %q, want %q, %q", c.query, h.ID, refused, c.id, c.refused)
		}
	}
}

// FuzzHello: whatever is asked for, an id that is taken is one that can be stored, sent and logged in hashed form.
func FuzzHello(f *testing.F) {
	f.Add("/peerjs?key=peerjs&id=a&token=t")
	f.Add("/peerjs?key=peerjs&id=%zz%ff&token=t")
	f.Add("//peerjs/../peerjs/id?x")
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := wire.ParseTarget([]byte(text), "")
		if err != nil {
			return
		}
		cfg := peerjs.Config{Path: "/", Key: "peerjs"}
		if _, isRoom := parsed.Room(wire.RejoinV1); isRoom && cfg.Route(parsed) != peerjs.None {
			t.Fatalf("%q is a room", text)
		}
		h, refused := cfg.Hello(parsed)
		if refused != "" {
			return
		}
		if !peerjs.IsID(h.ID) || !utf8.ValidString(h.ID) || h.Token == "" || h.Room == (wire.RoomID{}) {
			t.Fatalf("%+v", h)
		}
	})
}

// No other client can ask for the room of an id: not by its digits, and not by a name.
func TestNoRoomIsThatOfAnID(t *testing.T) {
	t.Parallel()
	room := peerjs.RoomOf("peerjs", "a")
	for _, dialect := range []wire.Dialect{wire.Plain, wire.RejoinV1} {
		c, err := wire.ParseConnect([]byte("/"+room.String()+"?source=wallet&target=extension"), dialect)
		if err != nil || c.Room == room {
			t.Errorf("%v: %v, %v", dialect, c.Room, err)
		}
	}
	if wire.IsRoom(room.String(), room) {
		t.Error("its digits name it")
	}
	seen := map[wire.RoomID]string{room: "peerjs a"}
	for _, one := range [][2]string{{"peerjs", "b"}, {"peerj", "sa"}, {"peerjsa", ""}, {"other", "a"}} {
		id := peerjs.RoomOf(one[0], one[1])
		if before := seen[id]; before != "" {
			t.Errorf("%v is %s", one, before)
		}
		seen[id] = one[0] + " " + one[1]
	}
	if a, b := peerjs.TokenHash(room, "t"), peerjs.TokenHash(peerjs.RoomOf("peerjs", "b"), "t"); a == b || len(a) != 22 {
		t.Errorf("hashes %s and %s", a, b)
	}
}
