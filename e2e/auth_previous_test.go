package e2e_test

import (
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// TestTokensBesideTheVersionBefore says what AUTH is worth while instances of the version before are there, as docs/auth.md has it. They let in whom they always
// did, and their clients are peers of those with a token. Sessions without a user move between the versions.
func TestTokensBesideTheVersionBefore(t *testing.T) {
	t.Parallel()
	now, old := besideTheVersionBefore(t)
	ctx := limit(t)
	room := "/" + newRoom()
	wallet, extension := room+"?source=wallet&target=extension", room+"?source=extension&target=wallet"
	token := mint("sub", "")

	if _, status := enter(ctx, t, now.URL()+wallet, "forged"); status != 401 {
		t.Errorf("a forged token: %d, want 401", status)
	}
	stranger, _ := enter(ctx, t, old.URL()+extension, "forged")
	strangerID, _ := stranger.identify() // the version before knows no tokens
	ada, _ := enter(ctx, t, now.URL()+wallet, token)
	session := ada.next("session")
	if !strings.Contains(session, strangerID) {
		t.Errorf("the stranger is no peer: %s", session)
	}
	id := clientIDs.FindStringSubmatch(session)
	for _, at := range []*proctest.Process{old, now} {
		ada, _ = enter(ctx, t, at.URL()+wallet, token, "rejoin.resume."+id[2])
		back := ada.next("session")
		before := id[1]
		if id = clientIDs.FindStringSubmatch(back); id[1] != before || !strings.Contains(back, `"resumed":true`) {
			t.Fatalf("ada, back at the other version: %s", back)
		}
	}

	// To the version before a token is a subprotocol like any other: offered alone, it is echoed.
	only := "rejoin.auth." + token
	for at, want := range map[*proctest.Process]string{old: only, now: ""} {
		c, _, err := websocket.Dial(ctx, at.URL()+wallet, &websocket.DialOptions{Subprotocols: []string{only}})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Subprotocol(); got != want {
			t.Errorf("chosen: %q, want %q", got, want)
		}
		_ = c.CloseNow()
	}
}

// TestUsersBesideTheVersionBefore: that version cannot read the record of a session with a user, and refuses all who come to such a room: it was
// the last that takes no further words. The sessions on this version are not harmed.
func TestUsersBesideTheVersionBefore(t *testing.T) {
	t.Parallel()
	now, old := besideTheVersionBefore(t)
	ctx := limit(t)
	room := "/" + newRoom()
	wallet, extension := room+"?source=wallet&target=extension", room+"?source=extension&target=wallet"
	ada, _ := enter(ctx, t, now.URL()+wallet, mint())
	adaID, _ := ada.identify()
	stranger, _ := enter(ctx, t, old.URL()+extension, "forged")
	if got := stranger.closed(); got != "1011 could not handle connection, try again" {
		t.Errorf("at the version before: %s", got)
	}
	bob, _ := enter(ctx, t, now.URL()+extension, mint("sub", "bob"))
	if got := bob.next("session"); !strings.Contains(got, `"remoteClientId":"`+adaID+`","state":"live","user":"ada"`) {
		t.Errorf("bob is told %s", got)
	}
	if got := ada.next("remoteClientJustConnected"); !strings.Contains(got, `"user":"bob"`) {
		t.Errorf("ada is told %s", got)
	}
}

// besideTheVersionBefore starts an instance of this version that asks for tokens, and one of the version before with the same settings.
func besideTheVersionBefore(t *testing.T) (now, old *proctest.Process) {
	t.Helper()
	before, err := buildPrevious()
	if err != nil {
		t.Fatal(err)
	}
	settings := append(guarded(t), "REDIS_URL="+redistest.Server(t), "GRACE_WINDOW=20s")
	return proctest.Start(t, settings...), proctest.StartBinary(t, before, settings...)
}
