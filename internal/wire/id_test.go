package wire_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

func TestRoomIDIsTheSameInEitherCase(t *testing.T) {
	t.Parallel()
	mixed := strings.ToUpper(room[:32]) + room[32:]
	for _, text := range []string{room, strings.ToUpper(room), mixed} {
		id, ok := wire.ParseRoomID(text)
		if !ok || id.String() != room || string(id.AppendText([]byte("/"))) != "/"+room {
			t.Errorf("ParseRoomID(%q) = %v, %v", text, id, ok)
		}
	}
	for _, text := range []string{"", room[1:], room + "0", "g" + room[1:], room[:63] + "/", room[:62] + "é", room[:63] + "\x00"} {
		if id, ok := wire.ParseRoomID([]byte(text)); ok || id != (wire.RoomID{}) {
			t.Errorf("ParseRoomID(%q) = %v", text, id)
		}
	}
}

func TestClientIDIsARandomUUID(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[wire.ClientID]bool{}
	for range 1000 {
		id := wire.NewClientID()
		text := id.String()
		if !form.MatchString(text) || id.IsZero() || seen[id] {
			t.Fatalf("drew %s", text)
		}
		seen[id] = true
		for _, spelt := range []string{text, strings.ToUpper(text)} {
			if back, ok := wire.ParseClientID([]byte(spelt)); !ok || back != id {
				t.Fatalf("ParseClientID(%q) = %v, %v", spelt, back, ok)
			}
		}
	}
}

func TestParseClientIDIsStrict(t *testing.T) {
	t.Parallel()
	const good = "00112233-4455-6677-8899-aabbccddeeff"
	id, ok := wire.ParseClientID([]byte(good))
	if !ok || id.String() != good || string(id.AppendText([]byte("<"))) != "<"+good {
		t.Fatalf("ParseClientID(%q) = %v, %v", good, id, ok)
	}
	for _, text := range []string{
		"", good[1:], good + "0", "{" + good[1:35] + "}", strings.ReplaceAll(good, "-", ""), strings.ReplaceAll(good, "-", "_"),
		"0011223-34455-6677-8899-aabbccddeeff", "g" + good[1:], good[:35] + "-", "00112233-4455-6677-8899aabbccddeeff--",
	} {
		if id, ok := wire.ParseClientID([]byte(text)); ok || !id.IsZero() {
			t.Errorf("ParseClientID(%q) = %v", text, id)
		}
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	for _, role := range []wire.Role{wire.Wallet, wire.Extension} {
		if back, ok := wire.ParseRole(role.String()); !ok || back != role {
			t.Errorf("ParseRole(%q) = %v, %v", role, back, ok)
		}
		if role.Opposite() == role || role.Opposite().Opposite() != role {
			t.Errorf("%v is opposite to %v", role, role.Opposite())
		}
	}
	for _, text := range []string{"", "Wallet", "wallet ", "unknown", "w"} {
		if role, ok := wire.ParseRole(text); ok || role != (wire.Role{}) {
			t.Errorf("ParseRole(%q) = %v", text, role)
		}
	}
	if (wire.Role{}).String() != "" {
		t.Error(wire.Role{})
	}
}
