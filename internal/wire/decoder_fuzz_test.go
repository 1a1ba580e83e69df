package wire_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

// FuzzDecode compares the Decoder with encoding/json and a plain reading of the rules.
func FuzzDecode(f *testing.F) {
	for i, c := range goldenCases(f) {
		if len(c.In) < 60 || i%10 == 0 {
			f.Add([]byte(c.In), i%2 == 0)
		}
	}
	for _, text := range []string{
		offer, withMethod("answer"), withMethod("iceCandidate"), withMethod("iceCandidates"), withMethod(`\u006fffer`),
		withField(`"source":"wallet","connectionId":"c","startAt":-0.5e-7`),
		withField(` "x" : [ { } , [ ] , true , null ]`),
		withField(`"targetClient\u0049d":"\ud83d\ude00\ud800\udc"`),
		withField("\"x\":\"\xff\xe2\x82\""), withField(`"x":"` + strings.Repeat("é", 9) + `"`),
		`{"method":"ack","id":"7-12"}`, `{"method":"ack","id":7}`, ` {"method" :"\u0061ck","\u0069d": "\n"} `,
		`{"method":"ack","id":"\udc00\ud800\udc00"}`,
		`{"requestId":"r","method":"chat.line","targetClientId":"t","payload":{"a":[1, null]},"ttlMs":3600000,"source":"peer"}`,
		withField(`"payload":null`), withField(`"ttlMs":0`), withField(`"ttlMs":1e3`), withField(`"ttlMs":3600001`), withField(`"ttlMs":"5"`),
		withMethod("9x"), withMethod("a b"), withField(`"source":"a>b"`), withField(`"source":"other"`),
		strings.Repeat("[", 10001), strings.Repeat(`{"":[`, 5000) + strings.Repeat("]}", 5000),
	} {
		f.Add([]byte(text), true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, rejoin bool) {
		dialect := wire.Plain
		if rejoin {
			dialect = wire.RejoinV1
		}
		var d wire.Decoder
		d.Decode([]byte(`{ "\u006dethod":"\u0061ck","id":"\u0031"`), dialect) // leaves something behind
		before := bytes.Clone(raw)
		m, reply := d.Decode(raw, dialect)
		if !bytes.Equal(raw, before) {
			t.Fatal("the text was changed")
		}
		if (m.Kind == 0) != (reply != nil) {
			t.Fatalf("kind %v and reply %q", m.Kind, reply)
		}
		if reply != nil && (!json.Valid(reply) || !utf8.Valid(reply) || !bytes.Equal(reply, compacted(t, reply))) {
			t.Fatalf("the reply is not compact JSON: %q", reply)
		}
		want := readMessage(t, raw, dialect)
		got := reading{kind: m.Kind, requestID: string(m.RequestID), target: string(m.Target), ack: string(m.Ack), data: string(m.Data), beyond: m.Beyond, ttl: m.TTLMs}
		if reply != nil {
			got.info, got.issues, got.echo = readReply(t, reply)
		}
		if got != want {
			t.Fatalf("Decode(%q)\n got %+v\nwant %+v", raw, got, want)
		}
	})
}

// reading is all that is to be known of a text.
type reading struct {
	kind                         wire.Kind
	requestID, target, ack, data string
	beyond                       string
	ttl                          int
	info, issues, echo           string // of a reply: issues are the paths, echo is what it returns of the text
}

// readMessage reads a text with encoding/json.
func readMessage(t *testing.T, raw []byte, dialect wire.Dialect) reading {
	text := validUTF8(raw)
	if !json.Valid(raw) {
		return reading{info: "invalidMessageError", echo: text}
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &fields); err != nil || fields == nil {
		return reading{info: "validationError", issues: "."}
	}
	method, _ := stringField(fields["method"])
	if id, ok := stringField(fields["id"]); dialect == wire.RejoinV1 && method == "ack" {
		if !ok {
			return reading{info: "validationError", issues: "id.", echo: echoOf(t, fields)}
		}
		return reading{kind: wire.KindAck, ack: id}
	}
	kind := map[string]wire.Kind{"offer": 'o', "answer": 'a', "iceCandidate": 'c', "iceCandidates": 'C'}[method]
	if dialect == wire.RejoinV1 && kind == 0 && anyMethod.MatchString(method) {
		kind = wire.KindOther
	}
	if issues := brokenRules(fields, dialect, kind != 0); issues != "" {
		return reading{info: "validationError", issues: issues, echo: echoOf(t, fields)}
	}
	target, _ := stringField(fields["targetClientId"])
	r := reading{
		kind: kind, requestID: string(fields["requestId"]), target: target, data: string(compacted(t, []byte(text))),
	}
	if dialect == wire.RejoinV1 {
		r.ttl, _ = strconv.Atoi(string(fields["ttlMs"]))
		source, _ := stringField(fields["source"])
		switch {
		case fields["payload"] != nil:
			r.beyond = "payload"
		case kind == wire.KindOther:
			r.beyond = "method"
		case source != "" && source != "wallet" && source != "extension":
			r.beyond = "source"
		}
	}
	return r
}

var (
	anyMethod = regexp.MustCompile(`\A[A-Za-z][A-Za-z0-9_.-]{0,31}\z`)
	anyRole   = regexp.MustCompile(`\A[a-z][a-z0-9-]{0,15}\z`)
	anyTTL    = regexp.MustCompile(`\A[1-9][0-9]{0,6}\z`)
)

// brokenRules returns the paths of the issues of an object, each with a full stop.
func brokenRules(fields map[string]json.RawMessage, dialect wire.Dialect, methodOK bool) (issues string) {
	broken := func(name string, ok bool) {
		if !ok {
			issues += name + "."
		}
	}
	optional := func(name string, ok bool) { broken(name, ok || fields[name] == nil) }
	isString := func(name string) bool { _, ok := stringField(fields[name]); return ok }
	broken("requestId", isString("requestId"))
	optional("connectionId", isString("connectionId"))
	if dialect == wire.RejoinV1 && fields["payload"] != nil {
		broken("payload", fields["encryptedPayload"] == nil)
	} else {
		broken("encryptedPayload", isString("encryptedPayload"))
	}
	broken("targetClientId", isString("targetClientId"))
	start := fields["startAt"]
	optional("startAt", len(start) > 0 && strings.IndexByte("-0123456789", start[0]) >= 0)
	broken("method", methodOK)
	source, _ := stringField(fields["source"])
	if dialect != wire.RejoinV1 {
		optional("source", source == "wallet" || source == "extension")
		return issues
	}
	optional("source", anyRole.MatchString(source))
	ttl, _ := strconv.Atoi(string(fields["ttlMs"]))
	optional("ttlMs", anyTTL.Match(fields["ttlMs"]) && ttl <= wire.MaxTTLMs)
	return issues
}

// stringField returns what a JSON string stands for; false when the value is absent or no string.
func stringField(value json.RawMessage) (string, bool) {
	var text string
	if len(value) == 0 || value[0] != '"' || json.Unmarshal(value, &text) != nil {
		return "", false
	}
	return text, true
}

// echoOf returns the request ID that a validationError returns.
func echoOf(t *testing.T, fields map[string]json.RawMessage) string {
	if id, ok := fields["requestId"]; ok {
		return string(compacted(t, id))
	}
	return ""
}

// readReply takes a reply apart.
func readReply(t *testing.T, reply []byte) (info, issues, echo string) {
	var got struct {
		Info      string
		Data      string
		RequestID json.RawMessage
		Error     json.RawMessage
	}
	if err := json.Unmarshal(reply, &got); err != nil {
		t.Fatal(err)
	}
	if got.Info == "invalidMessageError" {
		return got.Info, "", got.Data
	}
	var list []struct{ Path []string }
	if err := json.Unmarshal(got.Error, &list); err != nil {
		t.Fatal(err)
	}
	for _, issue := range list {
		issues += strings.Join(issue.Path, "/") + "."
	}
	return got.Info, issues, string(got.RequestID)
}

func compacted(t *testing.T, text []byte) []byte {
	var out bytes.Buffer
	if err := json.Compact(&out, text); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// validUTF8 returns raw with U+FFFD for each byte that is not UTF-8.
func validUTF8(raw []byte) string { return string([]rune(string(raw))) }
