package docs_test

import (
	"context"
	"encoding/json"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// reader follows a page: types its commands as they stand there, but for ports and addresses.
type reader struct {
	t     *testing.T
	ctx   context.Context
	typed map[string]bool
	// instead holds pairs: text on the page, and what is typed instead.
	instead []string
	env     []string
}

// patience bounds a play; it does not assert speed.
const patience = 3 * time.Minute

func newReader(t *testing.T) *reader {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return &reader{t: t, ctx: ctx, typed: map[string]bool{}}
}

// replace sets what is typed instead of a text on the page.
func (r *reader) replace(written, typed string) { r.instead = append(r.instead, written, typed) }

func (r *reader) translate(line string) string {
	return strings.NewReplacer(r.instead...).Replace(line)
}

// start types a command that goes on, in a directory.
func (r *reader) start(dir, command string, env ...string) *process {
	r.t.Helper()
	r.typed[command] = true
	return launch(r.t, dir, r.translate(command), append(r.env, env...)...)
}

// run types a command that ends, and returns what it printed. It has to end well.
func (r *reader) run(command string) string {
	r.t.Helper()
	p := r.start(root, command)
	_ = p.stdin.Close()
	select {
	case <-p.ended:
	case <-r.ctx.Done():
		r.t.Fatalf("%s does not end; it has printed\n%s", command, p.output())
	}
	if p.err != nil {
		r.t.Fatalf("%s: %v\n%s", command, p.err, p.output())
	}
	return p.output()
}

var (
	portSetting = regexp.MustCompile(`\b((?:HTTP_)?PORT)=(\d+)`)
	portOfURL   = regexp.MustCompile(`localhost:(\d+)`)
)

// serve types a command that starts a server, on free ports, and returns when it listens. From then on its addresses are
// typed in place of those that stand on the page.
func (r *reader) serve(command string, env ...string) *process {
	r.t.Helper()
	written := map[string]string{"PORT": "4000", "HTTP_PORT": "4001"}
	if strings.Contains(command, "iceservers") {
		written["PORT"] = "4002"
	}
	for _, set := range portSetting.FindAllStringSubmatch(command, -1) {
		written[set[1]] = set[2]
	}
	r.typed[command] = true
	line := portSetting.ReplaceAllString(r.translate(command), "$1=0")
	p := launch(r.t, root, line, append(append(r.env, "PORT=0", "HTTP_PORT=0", "HOST=127.0.0.1", "LOG_FORMAT=json"), env...)...)
	var told struct{ Msg, Websocket, Private, URL string }
	p.await(r.ctx, func(out string) bool {
		for line := range strings.Lines(out) {
			if json.Unmarshal([]byte(line), &told) == nil && told.Msg == "listening" {
				return true
			}
		}
		return false
	})
	if port := portOfURL.FindStringSubmatch(told.Websocket); port != nil {
		p.address = "127.0.0.1:" + port[1]
	}
	for url, name := range map[string]string{told.Websocket: "PORT", told.URL: "PORT", told.Private: "HTTP_PORT"} {
		if port := portOfURL.FindStringSubmatch(url); port != nil {
			r.replace("localhost:"+written[name], "127.0.0.1:"+port[1])
		}
	}
	return p
}

// needs fails a play whose program is missing.
func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Fatalf("%s is missing: %v", program, err)
	}
}

// nodeEnv is what Node needs to have a WebSocket.
func nodeEnv(t *testing.T) string {
	t.Helper()
	needs(t, "node")
	out, err := exec.Command("node", "--print", "process.versions.node.split('.')[0]").Output()
	major, _ := strconv.Atoi(strings.TrimSpace(string(out)))
	switch {
	case err != nil:
		t.Fatal(err)
	case major < 20:
		t.Skipf("Node %d has no WebSocket, 20 has", major)
	case major < 22:
		return "NODE_OPTIONS=--experimental-websocket --no-warnings"
	}
	return "NODE_OPTIONS=--no-warnings"
}
