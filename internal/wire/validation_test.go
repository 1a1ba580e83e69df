package wire_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

// goldenCase is what a server of the old kind answers to a text that is no message.
type goldenCase struct{ In, Out string }

// goldenCases reads what testdata/golden.mjs wrote.
func goldenCases(t testing.TB) []goldenCase {
	t.Helper()
	text, err := os.ReadFile("testdata/validation.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []goldenCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 300 {
		t.Fatalf("only %d golden cases", len(cases))
	}
	return cases
}

func TestDecodeAnswersAsTheOldServer(t *testing.T) {
	t.Parallel()
	var d wire.Decoder
	for _, c := range goldenCases(t) {
		m, reply := d.Decode([]byte(c.In), wire.Plain)
		if string(reply) != c.Out {
			t.Errorf("Decode(%q)\n got %s\nwant %s", c.In, reply, c.Out)
		}
		if m.Kind != 0 || m.Data != nil {
			t.Errorf("Decode(%q) returned a message beside the reply: %+v", c.In, m)
		}
	}
}
