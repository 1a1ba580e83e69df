package wire_test

import (
	"testing"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

func TestMessagesOfAnyKind(t *testing.T) {
	t.Parallel()
	alice, id := mustClient(t, aliceText), []byte(`"r\"1"`)
	for got, want := range map[string]string{
		string(wire.AppendUndelivered(nil, id, alice)): `{"info":"undelivered","requestId":"r\"1","remoteClientId":"` + aliceText + `","reason":"expired"}`,
		string(wire.AppendBeyondPlain(nil, id, "payload")): `{"info":"validationError","requestId":"r\"1","error":[{"code":"custom","path":["payload"],` +
			`"message":"The target is a plain client, which does not know this"}]}`,
	} {
		if got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
	var d wire.Decoder
	text := `{"requestId":"r4","method":"chat.line","targetClientId":"` + bobText + `","payload":{"n":[1,null]},"ttlMs":500}`
	m, reply := d.Decode([]byte(text), wire.RejoinV1)
	if reply != nil || m.Kind != wire.KindOther || m.TTLMs != 500 || m.Beyond != "payload" || string(m.Data) != text {
		t.Errorf("%+v, reply %s", m, reply)
	}
	if m, reply := d.Decode([]byte(text), wire.Plain); reply == nil {
		t.Errorf("the plain dialect took %+v", m)
	}
}
