//go:build !race

package wire_test

import (
	"testing"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

// The counts of testing.AllocsPerRun are the process's: these tests are not parallel.

func TestDecodeDoesNotAllocate(t *testing.T) {
	for name, c := range map[string]struct {
		raw     string
		dialect wire.Dialect
	}{
		"offer":         {offer, wire.Plain},
		"with a source": {withField(`"source":"wallet","connectionId":"` + room + `","x":[{"é":1}]`), wire.RejoinV1},
		"of any kind":   {`{"requestId":"r","method":"chat.line","targetClientId":"t","payload":{"a":[1,null]},"ttlMs":500}`, wire.RejoinV1},
		"ack":           {`{"method":"ack","id":"7-12"}`, wire.RejoinV1},
	} {
		var d wire.Decoder
		raw := []byte(c.raw)
		if n := testing.AllocsPerRun(100, func() {
			if m, _ := d.Decode(raw, c.dialect); m.Kind == 0 {
				t.Fatal("no message")
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestDecodeReusesItsScratch(t *testing.T) {
	var d wire.Decoder
	for _, raw := range []string{" { } ", "{", withField(` "x":"\u0041"`), withMethod(`\u006fffer`), withField("\"x\":\"\xff\"")} {
		text := []byte(raw)
		if n := testing.AllocsPerRun(100, func() { d.Decode(text, wire.Plain) }); n != 0 {
			t.Errorf("%s: %v allocations", raw, n)
		}
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	dst := make([]byte, 0, 4096)
	for _, e := range encodings(t) {
		if n := testing.AllocsPerRun(100, func() { e.append(dst) }); n != 0 {
			t.Errorf("%s: %v allocations", e.name, n)
		}
	}
}

func TestIDsDoNotAllocate(t *testing.T) {
	client, entry, place := []byte(aliceText), []byte("7-12"), []byte(room)
	if n := testing.AllocsPerRun(100, func() {
		_, a := wire.ParseClientID(client)
		_, b := wire.ParseEntryID(entry)
		_, c := wire.ParseRoomID(place)
		if !a || !b || !c {
			t.Fatal("refused")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
