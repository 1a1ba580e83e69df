package wire_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

var update = flag.Bool("update", false, "write testdata/messages.json anew")

// golden is testdata/messages.json, which the tests of web/client read too: what this package writes, and what it has to read.
type golden struct {
	Server []named `json:"server"`
	Client []named `json:"client"`
}

type named struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

const goldenFile = "testdata/messages.json"

// fromClients are messages as web/client writes them.
var fromClients = []struct {
	named
	dialect wire.Dialect
	kind    wire.Kind
}{
	{named{"offer", `{"requestId":"r1","method":"offer","targetClientId":"` + bobText + `","encryptedPayload":"é"}`}, wire.Plain, wire.KindOffer},
	{named{"answer", `{"requestId":"r2","method":"answer","targetClientId":"` + bobText + `","encryptedPayload":""}`}, wire.RejoinV1, wire.KindAnswer},
	{
		named{"iceCandidate", `{"requestId":"r3","method":"iceCandidate","targetClientId":"` + bobText + `","encryptedPayload":"\"\\\n","note":[1]}`},
		wire.RejoinV1, wire.KindCandidate,
	},
	{named{"ack", `{"method":"ack","id":"7-12"}`}, wire.RejoinV1, wire.KindAck},
	{named{"ack of nothing", `{"method":"ack","id":"0-0"}`}, wire.RejoinV1, wire.KindAck},
}

func TestGoldenMessages(t *testing.T) {
	t.Parallel()
	var want golden
	for _, e := range encodings(t) {
		want.Server = append(want.Server, named{e.name, string(e.append(nil))})
	}
	servers := []wire.ICEServer{{URLs: []string{"stun:h:3478"}}, {URLs: []string{"turn:h:3478"}, Username: "u", Credential: "c"}}
	want.Server = append(want.Server, named{"ice servers", string(wire.AppendICEServers(nil, servers, 3600))})
	for _, m := range fromClients {
		want.Client = append(want.Client, m.named)
		var d wire.Decoder
		got, reply := d.Decode([]byte(m.Text), m.dialect)
		if reply != nil || got.Kind != m.kind {
			t.Errorf("%s: %v, answer %s", m.Name, got.Kind, reply)
		}
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(want); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(goldenFile, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, text.Bytes()) {
		t.Errorf("%s is not what this package writes and reads; go test ./internal/wire -run Golden -update writes it", goldenFile)
	}
}
