package wire_test

import (
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

func TestRoleText(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ source, target, text string }{
		{"wallet", "extension", "w"}, // what earlier versions have stored
		{"extension", "wallet", "e"},
		{"wallet", "wallet", "wallet>wallet"},
		{"peer", "peer", "peer>peer"},
		{"a", "b-9", "a>b-9"},
	} {
		role, ok := wire.NewRole(test.source, test.target)
		if !ok || role.Text() != test.text || role.Source() != test.source || role.Target() != test.target {
			t.Errorf("%s, %s: %q, %v", test.source, test.target, role.Text(), ok)
		}
		if back, ok := wire.ParseRoleText(test.text); !ok || back != role {
			t.Errorf("%q came back as %q, %v", test.text, back.Text(), ok)
		}
		opposite := role.Opposite()
		if opposite.Source() != test.target || opposite.Target() != test.source || opposite.Text() != role.OppositeText() {
			t.Errorf("%q is opposite to %q", opposite.Text(), role.Text())
		}
	}
	for _, text := range []string{"", "x", ">", "a>", ">a", "a>b>c", "wallet>extension", "A>b"} {
		if role, ok := wire.ParseRoleText(text); ok {
			t.Errorf("%q was read as %v", text, role)
		}
	}
}

func TestRolesOfRejoin(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"": "peer>peer", "?source=&target=": "peer>peer", "?x=y": "peer>peer",
		"?source=host&target=viewer": "host>viewer", "?source=wallet&target=wallet": "wallet>wallet",
		"?source=wallet&target=extension": "w", "?target=a&source=" + strings.Repeat("z", 16): strings.Repeat("z", 16) + ">a",
	} {
		got, err := wire.ParseConnect([]byte("/rooms/lobby"+query), wire.RejoinV1)
		if err != nil || got.Source.Text() != want {
			t.Errorf("%s: %q, %v", query, got.Source.Text(), err)
		}
	}
}

// Wallets and extensions meet under the digits of their room; all others elsewhere, where earlier versions never look.
func TestWhereARoomIs(t *testing.T) {
	t.Parallel()
	at := func(target string) wire.RoomID {
		t.Helper()
		c, err := wire.ParseConnect([]byte(target), wire.RejoinV1)
		if err != nil {
			t.Fatal(target, err)
		}
		return c.Room
	}
	pair := "?source=wallet&target=extension"
	if got := at("/" + strings.ToUpper(room) + pair); got.String() != room || at("/rooms/"+room+pair) != got {
		t.Errorf("wallets of %s meet at %v", room, got)
	}
	ids, ok := wire.RoomIDs(strings.ToUpper(room))
	if !ok || len(ids) != 2 || ids[0].String() != room || ids[1] != at("/"+room) || ids[1] != at("/rooms/"+room+"?source=a&target=b") {
		t.Errorf("%v, %v", ids, ok)
	}
	ids, ok = wire.RoomIDs("lobby")
	if !ok || len(ids) != 1 || ids[0] != at("/rooms/lobby") || ids[0] != at("/rooms/lobby"+pair) || ids[0] == at("/rooms/Lobby") {
		t.Errorf("%v, %v", ids, ok)
	}
	const stored = "638c490dfd9c90239c2ec97cda8c02a8a914c3ddcc2de816" + "72656a6f696e3a23" // SHA-256 of rejoin:room:lobby, then rejoin:#
	if got := at("/rooms/lobby").String(); got != stored {
		t.Error(got)
	}
	for _, name := range []string{"", ".", "..", "a/b", "a b", "é", strings.Repeat("x", 129)} {
		if _, ok := wire.RoomIDs(name); ok {
			t.Errorf("%q names a room", name)
		}
	}
}

// The digits that a room has in Redis do not let a client in: not past a token for another name, and not in the plain dialect.
func TestTheHashOfANameIsAnotherRoom(t *testing.T) {
	t.Parallel()
	pair := "?source=wallet&target=extension"
	for _, named := range []string{"/rooms/lobby", "/rooms/lobby" + pair, "/" + room, "/rooms/" + room + "?source=host&target=viewer"} {
		inside, err := wire.ParseConnect([]byte(named), wire.RejoinV1)
		if err != nil {
			t.Fatal(err)
		}
		digits := inside.Room.String()
		for target, dialect := range map[string]wire.Dialect{
			"/" + digits + pair: wire.Plain, "/" + strings.ToUpper(digits) + pair: wire.RejoinV1, "/rooms/" + digits: wire.RejoinV1, "/" + digits: wire.RejoinV1,
		} {
			got, err := wire.ParseConnect([]byte(target), dialect)
			if err != nil || got.Room == inside.Room {
				t.Errorf("%s in %v is the room of %s (%v)", target, dialect, named, err)
			}
			if !wire.IsRoom(digits, got.Room) || wire.IsRoom("lobby", got.Room) {
				t.Errorf("%s is not the room of its own name", target)
			}
		}
		if wire.IsRoom(digits, inside.Room) {
			t.Errorf("%s names the room of %s", digits, named)
		}
		if ids, _ := wire.RoomIDs(digits); len(ids) != 2 || ids[0] != inside.Room {
			t.Errorf("an operator does not find %s by its digits in Redis: %v", named, ids)
		}
	}
}

// FuzzRole looks for a pair of names that is read back as another one.
func FuzzRole(f *testing.F) {
	f.Add("wallet", "extension")
	f.Add("peer", "peer")
	f.Add("a>b", "c")
	f.Add("", "-")
	f.Fuzz(func(t *testing.T, source, target string) {
		role, ok := wire.NewRole(source, target)
		if !ok {
			if role != (wire.Role{}) {
				t.Fatalf("%v beside a refusal", role)
			}
			return
		}
		if back, ok := wire.ParseRoleText(role.Text()); !ok || back != role || back.Source() != source || back.Target() != target {
			t.Fatalf("%q, %q came back as %q, %q", source, target, back.Source(), back.Target())
		}
		if strings.ContainsAny(role.Text(), " \n") || len(role.Text()) > 33 {
			t.Fatalf("%q cannot be stored", role.Text())
		}
	})
}

// FuzzRoomName looks for a name that is read as another room than its own, and for two that are one room.
func FuzzRoomName(f *testing.F) {
	f.Add("lobby", "Lobby")
	f.Add(room, strings.ToUpper(room))
	f.Add("a%2Fb", "..")
	f.Add("~._-", "%7E._-")
	f.Add("lobby", "638c490dfd9c90239c2ec97cda8c02a8a914c3ddcc2de81672656a6f696e3a23") // what the first is called in Redis
	f.Fuzz(func(t *testing.T, one, other string) {
		a, okA := wire.RoomIDs(one)
		b, okB := wire.RoomIDs(other)
		got, err := wire.ParseConnect([]byte("/rooms/"+one), wire.RejoinV1)
		if okA && (err != nil || got.Room != a[len(a)-1]) {
			t.Fatalf("%q: %v, %v", one, got, err)
		}
		if !okA || !okB {
			return
		}
		_, isHex := wire.ParseRoomID(one)
		same := one == other || isHex && strings.EqualFold(one, other)
		if (a[len(a)-1] == b[len(b)-1]) != same {
			t.Fatalf("%q and %q: %v and %v", one, other, a, b)
		}
		if wire.IsRoom(one, b[len(b)-1]) != same {
			t.Fatalf("a token for %q lets into %q: %v", one, other, !same)
		}
	})
}
