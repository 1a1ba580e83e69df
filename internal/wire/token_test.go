package wire_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

func TestResumeTokenComesBackFromItsText(t *testing.T) {
	t.Parallel()
	client, place := wire.NewClientID(), mustRoom(t, room)
	now := time.Unix(1_700_000_000, 999)
	token := wire.NewResumeToken(client, place, wire.Wallet, now)
	if token.Client != client || token.Issued != 1_700_000_000 {
		t.Errorf("token of %v at %d", token.Client, token.Issued)
	}
	text := token.String()
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{54}$`).MatchString(text) {
		t.Errorf("text %q", text)
	}
	if back, ok := wire.ParseResumeToken(text); !ok || back != token {
		t.Errorf("parsed %+v, %v", back, ok)
	}
	if offer := wire.ParseSubprotocols("rejoin.v1, rejoin.resume." + text); offer.Token != text {
		t.Errorf("offered as %q", offer.Token)
	}
	if other := wire.NewResumeToken(client, place, wire.Wallet, now); other.Secret == token.Secret || other.Hash() == token.Hash() {
		t.Error("a second token is the same")
	}
}

func TestResumeTokenFitsItsRoomAndRole(t *testing.T) {
	t.Parallel()
	token := wire.NewResumeToken(wire.NewClientID(), mustRoom(t, room), wire.Wallet, time.Unix(0, 0))
	if !token.Fits(mustRoom(t, strings.ToUpper(room)), wire.Wallet) {
		t.Error("does not fit its own room and role")
	}
	if token.Fits(mustRoom(t, room), wire.Extension) {
		t.Error("fits the other role")
	}
	if token.Fits(mustRoom(t, "f"+room[1:]), wire.Wallet) {
		t.Error("fits another room")
	}
}

func TestResumeTokenHashCoversAll(t *testing.T) {
	t.Parallel()
	token := wire.NewResumeToken(wire.NewClientID(), mustRoom(t, room), wire.Wallet, time.Unix(1, 0))
	hash := token.Hash()
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`).MatchString(hash) {
		t.Errorf("hash %q", hash)
	}
	if strings.Contains(token.String(), hash) {
		t.Error("the hash is part of the token")
	}
	for name, change := range map[string]func(*wire.ResumeToken){
		"client": func(t *wire.ResumeToken) { t.Client[15] ^= 1 },
		"issued": func(t *wire.ResumeToken) { t.Issued ^= 1 },
		"tag":    func(t *wire.ResumeToken) { t.Tag[0] ^= 1 },
		"secret": func(t *wire.ResumeToken) { t.Secret[15] ^= 1 },
	} {
		changed := token
		change(&changed)
		if changed.Hash() == hash {
			t.Errorf("another %s has the same hash", name)
		}
	}
}

func TestParseResumeTokenIsStrict(t *testing.T) {
	t.Parallel()
	good := wire.ResumeToken{Client: wire.ClientID{0xff}}.String()
	if _, ok := wire.ParseResumeToken(good); !ok || !strings.HasSuffix(good, "A") {
		t.Fatalf("%q is not good", good)
	}
	for name, text := range map[string]string{
		"empty":              "",
		"short":              good[:53],
		"long":               good + "A",
		"padded":             good + "==",
		"padded to length":   good[:52] + "==",
		"standard alphabet":  "+/" + good[2:],
		"unused bits set":    good[:53] + "B",
		"line breaks inside": good[:51] + "\n\r" + good[53:],
		"a space":            " " + good[1:],
		"not ASCII":          "é" + good[2:],
		"NUL":                good[:53] + "\x00",
	} {
		if token, ok := wire.ParseResumeToken(text); ok || token != (wire.ResumeToken{}) {
			t.Errorf("%s: %q is accepted", name, text)
		}
	}
}

func mustRoom(t testing.TB, text string) wire.RoomID {
	t.Helper()
	id, ok := wire.ParseRoomID(text)
	if !ok {
		t.Fatalf("%q is no room", text)
	}
	return id
}
