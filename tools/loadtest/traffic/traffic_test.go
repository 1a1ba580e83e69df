package traffic_test

import (
	"encoding/json"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const client = "0f5c1d1e-5b7c-4b53-9a08-6f1f5a5b2c01"

func target() *[36]byte { return (*[36]byte)([]byte(client)) }

// TestLettersAreValid decodes what clients send as the server does, and reads back what it makes of it.
func TestLettersAreValid(t *testing.T) {
	t.Parallel()
	letters := traffic.NewLetters(traffic.Wallet)
	from, _ := wire.ParseClientID([]byte(client))
	for seq := range uint32(13) {
		stamp := traffic.Stamp{Seq: seq, Sender: 0xfffe, Due: 1<<47 + 5, Written: 1<<47 + 17}
		text := letters.Fill(stamp, target())
		kind, size := wire.KindCandidate, traffic.CandidateSize
		if seq%6 == 0 {
			kind, size = wire.KindOffer, traffic.OfferSize
		}
		var dec wire.Decoder
		m, reply := dec.Decode(text, wire.Plain)
		if reply != nil || m.Kind != kind || string(m.Target) != client || len(text) != size || !json.Valid(text) {
			t.Fatalf("message %d (%d bytes) is no good: %s %s", seq, len(text), reply, text)
		}
		data := wire.AppendRemoteData(nil, m.Data, from, m.RequestID, wire.EntryID{Epoch: 12, Seq: 34})
		if got, ok := traffic.DataStamp(data); !ok || got != stamp || traffic.KindOf(data) != traffic.Data {
			t.Errorf("stamp %+v came back as %+v", stamp, got)
		}
		if got := string(traffic.EntryID(data)); got != "12-34" {
			t.Errorf("entry ID %q", got)
		}
		if plain := wire.AppendRemoteData(nil, m.Data, from, m.RequestID, wire.EntryID{}); traffic.EntryID(plain) != nil {
			t.Error("an entry ID where there is none")
		}
		answer := wire.AppendConfirmation(nil, m.RequestID)
		if got, ok := traffic.ConfirmedStamp(answer); !ok || got != stamp || traffic.KindOf(answer) != traffic.Confirmation {
			t.Errorf("stamp %+v was confirmed as %+v", stamp, got)
		}
	}
	var dec wire.Decoder
	if m, _ := dec.Decode(traffic.AppendAck(nil, []byte("1-2")), wire.RejoinV1); m.Kind != wire.KindAck || string(m.Ack) != "1-2" {
		t.Errorf("acknowledgement decoded as %+v", m)
	}
}

func TestTargetsAreValid(t *testing.T) {
	t.Parallel()
	a, errA := wire.ParseConnect([]byte(traffic.Target("run", 1, traffic.Extension)), wire.Plain)
	b, errB := wire.ParseConnect([]byte(traffic.Target("run", 1, traffic.Wallet)), wire.Plain)
	c, errC := wire.ParseConnect([]byte(traffic.Target("run", 2, traffic.Wallet)), wire.Plain)
	if errA != nil || errB != nil || errC != nil || a.Room != b.Room || b.Room == c.Room || a.Source == b.Source {
		t.Errorf("%v %v %v %v %v %v", a, b, c, errA, errB, errC)
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	id := wire.NewClientID()
	for want, texts := range map[traffic.Kind][][]byte{
		traffic.Refusal: {
			wire.AppendMissingRemoteClient(nil, []byte(`"x"`)), wire.AppendMailboxFull(nil, []byte(`"x"`)), wire.AppendRetry(nil, []byte(`"x"`), 1),
		},
		traffic.PeerIsHere: {wire.AppendPeer(nil, wire.AlreadyConnected, id), wire.AppendPeer(nil, wire.JustConnected, id)},
		traffic.PeerLeft:   {wire.AppendDisconnected(nil, id, nil)},
		traffic.PeerAway:   {wire.AppendPeer(nil, wire.Suspended, id), wire.AppendPeer(nil, wire.Resumed, id)},
		traffic.Session:    {wire.AppendSession(nil, &wire.Session{})},
		traffic.GoAway:     {wire.AppendGoAway(nil, 1, "drain")},
		traffic.Unknown:    {nil, []byte(`{"info":"x"}`), []byte(`{"info":"sess`), []byte(`{ "info":"session"}`), []byte("hello")},
	} {
		for _, text := range texts {
			if got := traffic.KindOf(text); got != want {
				t.Errorf("%s is of kind %d, want %d", text, got, want)
			}
		}
	}
}

func TestFields(t *testing.T) {
	t.Parallel()
	text := []byte(`{"info":"session","resumed":true,"replay":20,"peers":[{"remoteClientId":"abc","state":"live"}],"pingMs":5}`)
	for name, want := range map[string]string{
		"info": "session", "resumed": "true", "replay": "20", "remoteClientId": "abc", "pingMs": "5", "reason": "", "session": "", "resume": "",
	} {
		if got := string(traffic.Field(text, name)); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestBadStamps(t *testing.T) {
	t.Parallel()
	good := string(traffic.Stamp{Seq: 1}.AppendText(nil))
	for _, bad := range []string{"", good[:38], strings.Replace(good, "-", "0", 1), strings.ReplaceAll(good, "0", "x")} {
		if _, ok := traffic.ParseStamp([]byte(bad)); ok {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestLedger(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		seqs                             []uint32
		received, duplicated, disordered uint64
	}{
		"in order":           {[]uint32{0, 1, 2, 3}, 4, 0, 0},
		"a gap":              {[]uint32{0, 3}, 2, 0, 0},
		"twice":              {[]uint32{0, 0, 1, 0}, 2, 2, 0},
		"swapped":            {[]uint32{0, 2, 1, 3}, 4, 0, 1},
		"swapped, and twice": {[]uint32{0, 2, 1, 1}, 3, 1, 1},
		"a wide gap":         {[]uint32{0, 64, 0, 1}, 3, 1, 1},
		"beyond memory":      {[]uint32{0, 200, 1}, 2, 1, 0},
		"edge of memory":     {[]uint32{63, 0, 0}, 2, 1, 1},
	} {
		var l traffic.Ledger
		var got traffic.Tally
		for _, s := range c.seqs {
			l.Take(s, &got)
		}
		if got.Received != c.received || got.Duplicated != c.duplicated || got.Disordered != c.disordered {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestTally(t *testing.T) {
	t.Parallel()
	good := traffic.Tally{Sent: 5, Confirmed: 5, Received: 5}
	good.Add(good)
	if !good.Clean() || good.Sent != 10 {
		t.Errorf("%+v is not clean", good)
	}
	for _, bad := range []traffic.Tally{
		{Sent: 5, Confirmed: 5, Received: 4},
		{Sent: 5, Confirmed: 4, Received: 5},
		{Sent: 5, Confirmed: 4, Received: 4, Refused: 1},
		{Duplicated: 1},
		{Disordered: 1},
		{Misdirected: 1},
		{Unexpected: 1},
		{Disconnected: 1},
		{Failed: 1},
	} {
		if bad.Clean() {
			t.Errorf("%+v is clean", bad)
		}
	}
}

func TestNoAllocations(t *testing.T) { // not parallel: it counts allocations
	letters := traffic.NewLetters(traffic.Wallet)
	var ledger traffic.Ledger
	var tally traffic.Tally
	to := target()
	data := []byte(`{"info":"remoteData","data":` + string(letters.Fill(traffic.Stamp{Seq: 1}, to)) + `,"remoteClientId":"x","requestId":"y","id":"1-2"}`)
	var ack [64]byte
	n := testing.AllocsPerRun(100, func() {
		letters.Fill(traffic.Stamp{Seq: 7}, to)
		stamp, _ := traffic.DataStamp(data)
		ledger.Take(stamp.Seq, &tally)
		_ = traffic.KindOf(data)
		_ = traffic.AppendAck(ack[:0], traffic.EntryID(data))
	})
	if n != 0 {
		t.Errorf("%v allocations a message", n)
	}
}
