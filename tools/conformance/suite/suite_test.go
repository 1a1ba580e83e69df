package suite_test

import (
	"context"
	"net"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/tools/conformance/suite"
)

var anchor = regexp.MustCompile(`<a id="([aprsx][0-9.]+)"></a>\*\*([APRSX][0-9.]+)\*\*`)

// unproven are the rules that cannot be seen from outside, each with the reason.
var unproven = map[string]string{
	"P1.8": "needs a store that fails",
	"P1.9": "needs an allow-list",
	"P2.2": "needs an allow-list",
	"P2.7": "needs overload or a drain",
	"P5.7": "shown by every check in the plain dialect",
	"P7.5": "takes two ping intervals",
	"P7.6": "needs a reader that stalls, and load",
	"R1.7": "is the client's",
	"R2.2": "is the client's",
	"R3.8": "is the client's",
	"R6.3": "needs a store that fails",
	"R7.1": "needs a drain",
	"R8.2": "takes half a lifetime of the credentials",
	"R8.3": "is another service's",
	"R9.1": "needs another Redis to take over: internal/signaling, client, e2e/chaos",
	"R9.2": "is advice",

	"A1.5": "needs keys that are away: TestAKeySetThatIsAway",
}

func TestEveryRuleIsProvenOrExcused(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	var written []string
	for _, m := range anchor.FindAllStringSubmatch(string(text), -1) {
		written = append(written, m[2])
	}
	proven := suite.Rules()
	for _, id := range written {
		if _, excused := unproven[id]; excused == slices.Contains(proven, id) {
			t.Errorf("rule %s: proven and excused, or neither", id)
		}
	}
	for _, id := range proven {
		if !slices.Contains(written, id) {
			t.Errorf("rule %s is not in docs/protocol.md", id)
		}
	}
}

// TestEveryCheckFailsWithoutAService proves that no check passes by itself, and that none gets stuck.
func TestEveryCheckFailsWithoutAService(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "ws://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	count := 0
	good := suite.Run(context.Background(), suite.Target{
		A: url, Patience: time.Second, Secret: []byte("a key that is not asked for"), Admin: "http" + url[2:], AdminToken: "not asked for either",
	}, func(r suite.Result) {
		count++
		if r.Outcome != suite.Fail || r.Detail == "" || len(r.Rules) == 0 {
			t.Errorf("%+v", r)
		}
	})
	if good || count == 0 {
		t.Errorf("%d checks, good %v", count, good)
	}
}
