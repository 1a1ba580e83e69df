package wire_test

import (
	"encoding/json"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

const (
	aliceText = "00112233-4455-6677-8899-aabbccddeeff"
	bobText   = "ffeeddcc-bbaa-4988-a766-554433221100"
)

func mustClient(t testing.TB, text string) wire.ClientID {
	t.Helper()
	id, ok := wire.ParseClientID([]byte(text))
	if !ok {
		t.Fatalf("%q is no client ID", text)
	}
	return id
}

// encoding is a message as it is built and as it has to look.
type encoding struct {
	name   string
	append func(dst []byte) []byte
	want   string
}

func encodings(t testing.TB) []encoding {
	alice, bob := mustClient(t, aliceText), mustClient(t, bobText)
	id, data := []byte(`"r\"1"`), []byte(offer)
	peer := func(info wire.PeerInfo) func([]byte) []byte {
		return func(dst []byte) []byte { return wire.AppendPeer(dst, info, alice) }
	}
	peerText := func(info string) string { return `{"info":"` + info + `","remoteClientId":"` + aliceText + `"}` }
	session := func(s wire.Session) func([]byte) []byte {
		s.Client, s.Token, s.GraceMs, s.PingMs, s.MaxMessageBytes = alice, "tok", 60000, 25000, 65536
		return func(dst []byte) []byte { return wire.AppendSession(dst, &s) }
	}
	const sessionHead = `{"info":"session","clientId":"` + aliceText + `","resumeToken":"tok",`
	const sessionTail = `"graceMs":60000,"pingMs":25000,"maxMessageBytes":65536}`
	return []encoding{
		{
			"remote data, plain", func(dst []byte) []byte { return wire.AppendRemoteData(dst, data, alice, id, wire.EntryID{}) },
			`{"info":"remoteData","data":` + offer + `,"remoteClientId":"` + aliceText + `","requestId":"r\"1"}`,
		},
		{
			"remote data, rejoin.v1", func(dst []byte) []byte {
				return wire.AppendRemoteData(dst, data, alice, id, wire.EntryID{Epoch: 7, Seq: 12})
			},
			`{"info":"remoteData","data":` + offer + `,"remoteClientId":"` + aliceText + `","requestId":"r\"1","id":"7-12"}`,
		},
		{
			"the first of an epoch", func(dst []byte) []byte { return wire.AppendRemoteData(dst, data, alice, id, wire.EntryID{Epoch: 7}) },
			`{"info":"remoteData","data":` + offer + `,"remoteClientId":"` + aliceText + `","requestId":"r\"1","id":"7-0"}`,
		},
		{
			"confirmation", func(dst []byte) []byte { return wire.AppendConfirmation(dst, id) },
			`{"info":"confirmation","requestId":"r\"1"}`,
		},
		{
			"missing remote client", func(dst []byte) []byte { return wire.AppendMissingRemoteClient(dst, id) },
			`{"info":"missingRemoteClientError","requestId":"r\"1"}`,
		},
		{
			"mailbox full", func(dst []byte) []byte { return wire.AppendMailboxFull(dst, id) },
			`{"info":"mailboxFullError","requestId":"r\"1"}`,
		},
		{
			"retry", func(dst []byte) []byte { return wire.AppendRetry(dst, id, 1500) },
			`{"info":"retryError","requestId":"r\"1","retryInMs":1500}`,
		},
		{"already connected", peer(wire.AlreadyConnected), peerText("remoteClientIsAlreadyConnected")},
		{"just connected", peer(wire.JustConnected), peerText("remoteClientJustConnected")},
		{"suspended", peer(wire.Suspended), peerText("remoteClientSuspended")},
		{"resumed", peer(wire.Resumed), peerText("remoteClientResumed")},
		{"disconnected", peer(wire.Disconnected), peerText("remoteClientDisconnected")},
		{
			"disconnected, nothing undelivered", func(dst []byte) []byte { return wire.AppendDisconnected(dst, alice, [][]byte{}) },
			peerText("remoteClientDisconnected"),
		},
		{
			"disconnected, undelivered", func(dst []byte) []byte { return wire.AppendDisconnected(dst, alice, [][]byte{id, []byte(`""`)}) },
			`{"info":"remoteClientDisconnected","remoteClientId":"` + aliceText + `","undelivered":["r\"1",""]}`,
		},
		{
			"go away", func(dst []byte) []byte { return wire.AppendGoAway(dst, 2500, wire.GoAwayDrain) },
			`{"info":"goAway","reconnectInMs":2500,"reason":"drain"}`,
		},
		{
			"store replaced", func(dst []byte) []byte { return wire.AppendStoreReplaced(dst, 1500) },
			`{"info":"storeReplaced","agoMs":1500}`,
		},
		{"session", session(wire.Session{}), sessionHead + `"resumed":false,"peers":[],` + sessionTail},
		{
			"session with peers", session(wire.Session{Peers: []wire.SessionPeer{{Client: bob}, {Client: alice, Suspended: true}}}),
			sessionHead + `"resumed":false,"peers":[{"remoteClientId":"` + bobText + `","state":"live"},{"remoteClientId":"` + aliceText +
				`","state":"suspended"}],` + sessionTail,
		},
		{
			"session refused", session(wire.Session{Reason: wire.ReasonExpired, Replay: 3}),
			sessionHead + `"resumed":false,"reason":"expired","peers":[],` + sessionTail,
		},
		{
			"session resumed", session(wire.Session{Resumed: true, Replay: 3, Superseded: 1, Undelivered: []wire.UndeliveredBy{
				{Client: bob, RequestIDs: [][]byte{id, []byte(`"b"`)}}, {Client: alice, RequestIDs: [][]byte{id}},
			}}),
			sessionHead + `"resumed":true,"replay":3,"superseded":1,"peers":[],"undelivered":[{"remoteClientId":"` + bobText +
				`","requestIds":["r\"1","b"]},{"remoteClientId":"` + aliceText + `","requestIds":["r\"1"]}],` + sessionTail,
		},
		{
			"session resumed, nothing missed", session(wire.Session{Resumed: true}),
			sessionHead + `"resumed":true,"replay":0,"superseded":0,"peers":[],` + sessionTail,
		},
	}
}

func TestAppendWritesExactly(t *testing.T) {
	t.Parallel()
	for _, e := range encodings(t) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			if got := string(e.append(nil)); got != e.want {
				t.Errorf("\n got %s\nwant %s", got, e.want)
			}
			if got := string(e.append([]byte("before"))); got != "before"+e.want {
				t.Errorf("does not append: %s", got)
			}
			if !json.Valid([]byte(e.want)) {
				t.Error("not JSON")
			}
		})
	}
}

func TestAppendSessionEscapes(t *testing.T) {
	t.Parallel()
	s := wire.Session{Token: "\"\\\x01\x7f", Reason: "é\u2028<\xff"}
	var got struct{ ResumeToken, Reason string }
	if err := json.Unmarshal(wire.AppendSession(nil, &s), &got); err != nil {
		t.Fatal(err)
	}
	if got.ResumeToken != s.Token || got.Reason != "é\u2028<\ufffd" {
		t.Errorf("got %q", got)
	}
}

func TestNamesOfWhatIsUnknown(t *testing.T) {
	t.Parallel()
	for kind, name := range map[wire.Kind]string{
		wire.KindOffer: "offer", wire.KindAnswer: "answer", wire.KindCandidate: "iceCandidate",
		wire.KindCandidates: "iceCandidates", wire.KindAck: "ack", 0: "unknown",
	} {
		if kind.String() != name {
			t.Errorf("%q is called %s", byte(kind), kind)
		}
	}
	if wire.PeerInfo(0).String() != "unknown" {
		t.Error(wire.PeerInfo(0))
	}
}
