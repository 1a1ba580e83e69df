package wire_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

const offer = `{"requestId":"r1","method":"offer","targetClientId":"t","encryptedPayload":"p"}`

func TestDecodeReturnsMessages(t *testing.T) {
	t.Parallel()
	type want struct {
		kind                    wire.Kind
		requestID, target, data string
	}
	same := func(kind wire.Kind, in string) (string, want) { return in, want{kind, `"r1"`, "t", in} }
	cases := map[string]func() (string, want){
		"offer":         func() (string, want) { return same(wire.KindOffer, offer) },
		"answer":        func() (string, want) { return same(wire.KindAnswer, withMethod("answer")) },
		"iceCandidate":  func() (string, want) { return same(wire.KindCandidate, withMethod("iceCandidate")) },
		"iceCandidates": func() (string, want) { return same(wire.KindCandidates, withMethod("iceCandidates")) },
		"every optional field": func() (string, want) {
			return same(wire.KindOffer, withField(`"source":"extension","connectionId":"","startAt":-1.5e300`))
		},
		"a number beyond float64": func() (string, want) { return same(wire.KindOffer, withField(`"startAt":1e999`)) },
		"unknown fields": func() (string, want) {
			return same(wire.KindOffer, withField(`"id":7,"__proto__":{"a":[1,{}]},"":null,"Method":"no"`))
		},
		"empty strings": func() (string, want) {
			in := `{"requestId":"","method":"offer","targetClientId":"","encryptedPayload":""}`
			return in, want{wire.KindOffer, `""`, "", in}
		},
		"the last of a repeated field": func() (string, want) {
			in := `{"requestId":1,"targetClientId":null,"method":"no","source":3,` + offer[1:len(offer)-1] + `,"source":"wallet"}`
			return in, want{wire.KindOffer, `"r1"`, "t", in}
		},
		"escaped names": func() (string, want) {
			in := `{"request\u0049d":"r1","\u006d\u0065thod":"offer","targetClient\u0049d":"t","encryptedPayload":"p","a\/\"b\ud800":1}`
			return in, want{wire.KindOffer, `"r1"`, "t", in}
		},
		"escaped values": func() (string, want) {
			in := `{"requestId":"\u0072\"1","method":"\u006fffer","targetClientId":"\ud83d\uDE00\ud83d\n\\","encryptedPayload":"p"}`
			return in, want{wire.KindOffer, `"\u0072\"1"`, "😀\ufffd\n\\", in}
		},
		"every escape": func() (string, want) {
			in := strings.Replace(offer, `"t"`, `"\"\\\/\b\f\n\r\t\u00e9\udc00\ud800\u0041\ud800"`, 1)
			return in, want{wire.KindOffer, `"r1"`, "\"\\/\b\f\n\r\té\ufffd\ufffdA\ufffd", in}
		},
		"space around it": func() (string, want) { return " \t\r\n" + offer + "\n", want{wire.KindOffer, `"r1"`, "t", offer} },
		"space in it": func() (string, want) {
			in := "{ \"requestId\" :\t\"r1\",\r\n\"method\": \"offer\" ,\"targetClientId\":\"t\",\"encryptedPayload\":\"p q \\\" \",\"x\":[ 1 , { } ,[\n] ]}"
			out := `{"requestId":"r1","method":"offer","targetClientId":"t","encryptedPayload":"p q \" ","x":[1,{},[]]}`
			return in, want{wire.KindOffer, `"r1"`, "t", out}
		},
		"space and escapes": func() (string, want) {
			in := `{ "requestId":"r1","method":"\u006fffer","targetClientId":"\u0074","encryptedPayload":"p"}`
			out := `{"requestId":"r1","method":"\u006fffer","targetClientId":"\u0074","encryptedPayload":"p"}`
			return in, want{wire.KindOffer, `"r1"`, "t", out}
		},
		"not ASCII": func() (string, want) { return same(wire.KindOffer, withField(`"x":"é😀"`)) },
		"not UTF-8": func() (string, want) {
			in := "{\"requestId\":\"r\xff1\",\"method\":\"offer\",\"targetClientId\":\"t\xe2\x82\",\"encryptedPayload\":\"p\"}"
			out := "{\"requestId\":\"r\ufffd1\",\"method\":\"offer\",\"targetClientId\":\"t\ufffd\ufffd\",\"encryptedPayload\":\"p\"}"
			return in, want{wire.KindOffer, "\"r\ufffd1\"", "t\ufffd\ufffd", out}
		},
	}
	for name, c := range cases {
		in, want := c()
		for _, dialect := range []wire.Dialect{wire.Plain, wire.RejoinV1} {
			t.Run(name+" "+dialect.String(), func(t *testing.T) {
				t.Parallel()
				var d wire.Decoder
				m, reply := d.Decode([]byte(in), dialect)
				if reply != nil {
					t.Fatalf("reply %s", reply)
				}
				if m.Kind != want.kind || string(m.RequestID) != want.requestID || string(m.Target) != want.target ||
					string(m.Data) != want.data || m.Ack != nil {
					t.Errorf("got %v %s %q ack %q\n%s\nwant %+v", m.Kind, m.RequestID, m.Target, m.Ack, m.Data, want)
				}
			})
		}
	}
}

// withMethod returns offer with another method.
func withMethod(method string) string { return strings.Replace(offer, "offer", method, 1) }

// withField returns offer with more fields behind its own.
func withField(fields string) string { return offer[:len(offer)-1] + "," + fields + "}" }

func TestDecodeAliasesCompactText(t *testing.T) {
	t.Parallel()
	raw := []byte(" " + offer + " ")
	var d wire.Decoder
	m, _ := d.Decode(raw, wire.Plain)
	if &m.Data[0] != &raw[1] || &m.RequestID[0] != &raw[1+len(`{"requestId":`)] {
		t.Error("copied")
	}
	_ = append(m.RequestID, "overwritten"...)
	_ = append(m.Target, "overwritten"...)
	if string(raw) != " "+offer+" " {
		t.Errorf("append to a result reached the text: %s", raw)
	}
}

func TestDecodeKeepsResultsApart(t *testing.T) {
	t.Parallel()
	// Everything lands in scratch here, which has to move several times.
	long := strings.Repeat("x", 3000)
	raw := fmt.Sprintf(`{ "requestId":"r","method":"\u006fffer","targetClientId":"\u0074%s","encryptedPayload":"%s","source":"\u0077allet"}`, long, long)
	var d wire.Decoder
	m, reply := d.Decode([]byte(raw), wire.Plain)
	if reply != nil {
		t.Fatalf("reply %s", reply)
	}
	_ = append(m.Target, "overwritten"...)
	if string(m.Target) != "t"+long || string(m.Data) != strings.Replace(raw, " ", "", 1) {
		t.Errorf("got target of %d bytes, data %.80s", len(m.Target), m.Data)
	}
}

func TestDecodeReadsAcks(t *testing.T) {
	t.Parallel()
	const issue = `{"code":"invalid_type","expected":"string","received":"%s","path":["id"],"message":"%s"}`
	required := fmt.Sprintf(issue, "undefined", "Required")
	wrong := func(kind string) string { return fmt.Sprintf(issue, kind, "Expected string, received "+kind) }
	cases := []struct{ in, ack, requestID, issue string }{
		{in: `{"method":"ack","id":"7-12"}`, ack: "7-12"},
		{in: `{"id":"7-12","method":"ack","requestId":3,"targetClientId":[]}`, ack: "7-12"},
		{in: ` { "method" : "\u0061ck" , "\u0069d" : "7\u002d12" } `, ack: "7-12"},
		{in: `{"method":"ack","id":""}`, ack: ""},
		{in: `{"method":"ack","id":"no entry"}`, ack: "no entry"},
		{in: `{"method":"ack"}`, issue: required},
		{in: `{"method":"ack","requestId":"r"}`, requestID: `"r"`, issue: required},
		{in: `{"method":"ack","id":null}`, issue: wrong("null")},
		{in: `{"method":"ack","id":7,"requestId":[ 1, 2 ]}`, requestID: `[1,2]`, issue: wrong("number")},
		{in: `{"method":"ack","id":["7-12"]}`, issue: wrong("array")},
		{in: `{"method":"ack","id":"7-12","id":{}}`, issue: wrong("object")},
		{in: `{"method":"ack","id":false}`, issue: wrong("boolean")},
	}
	for _, c := range cases {
		var d wire.Decoder
		m, reply := d.Decode([]byte(c.in), wire.RejoinV1)
		if c.issue == "" {
			if reply != nil || m.Kind != wire.KindAck || m.Ack == nil || string(m.Ack) != c.ack || m.Data != nil || m.Target != nil {
				t.Errorf("Decode(%s) = %+v, %s", c.in, m, reply)
			}
			continue
		}
		want := `{"info":"validationError",`
		if c.requestID != "" {
			want += `"requestId":` + c.requestID + `,`
		}
		want += `"error":[` + c.issue + `]}`
		if string(reply) != want || m.Kind != 0 {
			t.Errorf("Decode(%s) = %+v,\n got %s\nwant %s", c.in, m, reply, want)
		}
	}
}

func TestDecodeKnowsNoAckInPlain(t *testing.T) {
	t.Parallel()
	var d wire.Decoder
	m, reply := d.Decode([]byte(`{"method":"ack","id":"1-1"}`), wire.Plain)
	if m.Kind != 0 || !bytes.Contains(reply, []byte(`"path":["method"]`)) || bytes.Contains(reply, []byte(`"id"`)) {
		t.Errorf("got %+v, %s", m, reply)
	}
}

func TestDecodeFindsTheEndOfStrings(t *testing.T) {
	t.Parallel()
	// Strings are read eight bytes at a time: every length, with every kind of byte at every place.
	var d wire.Decoder
	for length := range 20 {
		for at := range length {
			for c := range 256 {
				text := []byte(`"` + strings.Repeat("x", length) + `",1]`)
				text[1+at] = byte(c)
				raw := append([]byte("["), text...)
				_, reply := d.Decode(raw, wire.Plain)
				if valid := bytes.Contains(reply, []byte("validationError")); valid != json.Valid(raw) {
					t.Fatalf("%q: valid is %v", raw, valid)
				}
			}
		}
	}
}

func TestDecodeBoundsNesting(t *testing.T) {
	t.Parallel()
	// The outermost object is one level; encoding/json allows 10,000.
	for _, c := range []struct {
		open, close string
		levels      int
		valid       bool
	}{
		{"[", "]", 9999, true},
		{"[", "]", 10000, false},
		{`{"a":`, "}", 9999, true},
		{`{"a":`, "}", 10000, false},
		{`[{"a":`, "}]", 4999, true},
		{`[{"a":`, "}]", 5000, false},
	} {
		raw := withField(`"x":` + strings.Repeat(c.open, c.levels) + "1" + strings.Repeat(c.close, c.levels))
		var d wire.Decoder
		m, reply := d.Decode([]byte(raw), wire.Plain)
		if valid := m.Kind != 0; valid != c.valid || valid == (reply != nil) {
			t.Errorf("%d levels of %s: valid is %v", c.levels, c.open, valid)
		}
	}
}

func TestDecodeEchoesWhatIsNotUTF8AsText(t *testing.T) {
	t.Parallel()
	var d wire.Decoder
	_, reply := d.Decode([]byte("\xff{\xc3\xa9\xe2\x82"), wire.Plain)
	want := `{"info":"invalidMessageError","data":"` + "\ufffd{é\ufffd\ufffd" + `","error":"invalid message format, expected JSON"}`
	if string(reply) != want {
		t.Errorf("got %s, want %s", reply, want)
	}
}

func TestDecoderForgetsTheLastMessage(t *testing.T) {
	t.Parallel()
	var d wire.Decoder
	huge := []byte(`"` + strings.Repeat("\x01", 100_000))
	for range 2 {
		if _, reply := d.Decode(huge, wire.Plain); len(reply) < 600_000 {
			t.Fatalf("reply of %d bytes", len(reply))
		}
		if m, _ := d.Decode([]byte(offer), wire.Plain); m.Kind != wire.KindOffer {
			t.Fatal("no message")
		}
		if _, reply := d.Decode([]byte(`{"method":"answer"}`), wire.Plain); !bytes.Contains(reply, []byte(`"path":["targetClientId"]`)) {
			t.Fatalf("fields of the last message are left: %s", reply)
		}
	}
}
