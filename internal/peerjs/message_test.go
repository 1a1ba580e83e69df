package peerjs_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rejoin-dev/rejoin/internal/peerjs"
)

// messages are what clients may send, and what is relayed for "a": "" for nothing, "-" for what is not passed on and not refused. What is
// relayed is what npm peer 1.0.2 relays, up to spaces and the spelling of numbers and strings in a payload.
var messages = []struct{ name, in, out string }{
	{"offer", `{"type":"OFFER","payload":{"sdp":{"type":"offer","sdp":"v=0\r\n"},"connectionId":"dc_1"},"dst":"b"}`, `{"type":"OFFER","src":"a","dst":"b","payload":{"sdp":{"type":"offer","sdp":"v=0\r\n"},"connectionId":"dc_1"}}`},
	{"spaced", ` { "type" : "OFFER" , "payload" : {"x":1} , "dst" : "b" } `, `{"type":"OFFER","src":"a","dst":"b","payload":{"x":1}}`},
	{"src is the server's", `{"src":"z","type":"ANSWER","payload":1,"dst":"b"}`, `{"type":"ANSWER","src":"a","dst":"b","payload":1}`},
	{"other fields", `{"type":"CANDIDATE","x":{"dst":"c"},"payload":[1,{"y":"}"}],"dst":"b"}`, `{"type":"CANDIDATE","src":"a","dst":"b","payload":[1,{"y":"}"}]}`},
	{"no payload", `{"type":"ANSWER","dst":"b"}`, `{"type":"ANSWER","src":"a","dst":"b"}`},
	{"null", `{"type":"ANSWER","payload":null,"dst":"b"}`, `{"type":"ANSWER","src":"a","dst":"b","payload":null}`},
	{"repeated", `{"type":"LEAVE","type":"OFFER","dst":"c","dst":"b","payload":1,"payload":2}`, `{"type":"OFFER","src":"a","dst":"b","payload":2}`},
	{"escaped names", `{"\u0074ype":"OFFER","d\u0073t":"b\u0062\"","payload":"\""}`, `{"type":"OFFER","src":"a","dst":"bb\"","payload":"\""}`},
	{"names have a case", `{"TYPE":"OFFER","DST":"b"}`, ``},
	{"leave", `{"type":"LEAVE","dst":"b"}`, `{"type":"LEAVE","src":"a","dst":"b"}`},
	{"expire", `{"type":"EXPIRE","dst":"b","payload":[]}`, `{"type":"EXPIRE","src":"a","dst":"b","payload":[]}`},
	{"to itself", `{"type":"OFFER","dst":"a"}`, `{"type":"OFFER","src":"a","dst":"a"}`},
	{"binary", "{\"type\":\"OFFER\",\"dst\":\"b\",\"payload\":\"\xff\"}", "{\"type\":\"OFFER\",\"src\":\"a\",\"dst\":\"b\",\"payload\":\"\uFFFD\"}"},
	{"heartbeat", `{"type":"HEARTBEAT"}`, "-"},
	{"goodbye", `{"type":"LEAVE"}`, "-"},
	{"to none", `{"type":"OFFER","payload":1}`, "-"},
	{"to null", `{"type":"OFFER","dst":null}`, "-"},
	{"another type", `{"type":"NOPE","dst":"b"}`, ""},
	{"the server's type", `{"type":"OPEN","dst":"b"}`, ""},
	{"no type", `{"dst":"b"}`, ""},
	{"a number for an id", `{"type":"OFFER","dst":5}`, ""},
	{"an object for an id", `{"type":"OFFER","dst":{}}`, ""},
	{"too long an id", `{"type":"OFFER","dst":"` + strings.Repeat("b", 256) + `"}`, ""},
	{"a control character", `{"type":"OFFER","dst":"b\u0000"}`, ""},
	{"half a surrogate pair", `{"type":"OFFER","dst":"\ud800"}`, "{\"type\":\"OFFER\",\"src\":\"a\",\"dst\":\"\uFFFD\"}"},
	{"no JSON", `nojson`, ""},
	{"half", `{"type":"OFFER"`, ""},
	{"no object", `[{"type":"OFFER"}]`, ""},
	{"a number", `5`, ""},
	{"a word", `null`, ""},
	{"nothing", ``, ""},
	{"two", `{"type":"HEARTBEAT"}{}`, ""},
}

// relayed is what becomes of a message of "a".
func relayed(in string) string {
	m, ok := peerjs.Decode([]byte(in))
	switch {
	case !ok:
		return ""
	case m.Dst == "" || m.Type == peerjs.Heartbeat:
		return "-"
	}
	return string(peerjs.AppendMessage(nil, m.Type, "a", m.Dst, m.Payload))
}

func TestMessages(t *testing.T) {
	t.Parallel()
	for _, c := range messages {
		if got := relayed(c.in); got != c.out {
			t.Errorf("%s: got %s, want %s", c.name, got, c.out)
		}
	}
}

// FuzzDecode compares with encoding/json: the same members, whatever stands around them.
func FuzzDecode(f *testing.F) {
	for _, c := range messages {
		f.Add([]byte(c.in))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, ok := peerjs.Decode(raw)
		var all map[string]any
		isObject := json.Unmarshal(raw, &all) == nil && all != nil
		if ok && !isObject && utf8.Valid(raw) {
			t.Fatalf("%q is no object", raw)
		}
		if !ok {
			return
		}
		if kind, _ := all["type"].(string); kind != string(m.Type) && utf8.Valid(raw) {
			t.Fatalf("type %q, want %q", m.Type, kind)
		}
		if dst, _ := all["dst"].(string); dst != m.Dst && utf8.Valid(raw) {
			t.Fatalf("dst %q, want %q", m.Dst, dst)
		}
		out := peerjs.AppendMessage(nil, m.Type, "a", m.Dst, m.Payload)
		var sent map[string]any
		if !utf8.Valid(out) || json.Unmarshal(out, &sent) != nil {
			t.Fatalf("relays %q", out)
		}
		payload, has := all["payload"]
		if got, relays := sent["payload"]; utf8.Valid(raw) && (has != relays || !reflect.DeepEqual(got, payload)) {
			t.Fatalf("payload %v, want %v", got, payload)
		}
		again, ok := peerjs.Decode(out)
		if !ok || again.Type != m.Type || again.Dst != m.Dst || string(again.Payload) != string(m.Payload) {
			t.Fatalf("%q reads as %+v, want %+v", out, again, m)
		}
	})
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	from, to, ok := peerjs.ParseRoute(string(peerjs.AppendRoute(nil, "a b", "c")))
	if from != "a b" || to != "c" || !ok {
		t.Error(from, to, ok)
	}
	if _, _, ok := peerjs.ParseRoute("a"); ok {
		t.Error("a route to nowhere")
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	if got, want := peerjs.Error(peerjs.BadKey), `{"type":"ERROR","payload":{"msg":"Invalid key provided"}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
