package wire_test

import (
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

func BenchmarkDecode(b *testing.B) {
	payload := `"` + strings.Repeat("0123456789abcdef", 60) + `"`
	long := strings.Replace(withField(`"source":"wallet","connectionId":"`+room+`"`), `"p"`, payload, 1)
	for _, c := range []struct{ name, raw string }{
		{"1KB", long},
		{"1KB_spaced", strings.ReplaceAll(long, `,"`, `, "`)},
		{"1KB_invalid", strings.Replace(long, "wallet", "mobile", 1)},
		{"1KB_not_json", long[:len(long)-1]},
		{"ack", `{"method":"ack","id":"1700000000-12"}`},
		{"16KB_nested", withField(`"x":` + strings.Repeat(`[{"a":1},"b",`, 1200) + "0" + strings.Repeat("]", 1200))},
	} {
		b.Run(c.name, func(b *testing.B) {
			var d wire.Decoder
			raw := []byte(c.raw)
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				d.Decode(raw, wire.RejoinV1)
			}
		})
	}
}

func BenchmarkAppendRemoteData(b *testing.B) {
	data, from, id := []byte(offer), mustClient(b, aliceText), []byte(`"r"`)
	dst := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		wire.AppendRemoteData(dst, data, from, id, wire.EntryID{Epoch: 1_700_000_000, Seq: 12})
	}
}

func BenchmarkAppendConfirmation(b *testing.B) {
	id, dst := []byte(`"`+aliceText+`"`), make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		wire.AppendConfirmation(dst, id)
	}
}

func BenchmarkParseConnect(b *testing.B) {
	target := []byte("/" + room + "?source=wallet&target=extension")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.ParseConnect(target, wire.Plain); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewClientID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		wire.NewClientID()
	}
}
