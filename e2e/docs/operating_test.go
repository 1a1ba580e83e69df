package docs_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"syscall"

	"github.com/rejoin-dev/rejoin/client"
)

// oneInstance: README, quickstart.md, operating.md and deploying.md against one server on the embedded Redis.
func oneInstance(r *reader) {
	needs(r.t, "curl")
	server := r.serve(signal)
	r.wants("curl http://localhost:4001/health", "ok")
	r.wants("curl http://localhost:4001/ready", "ready")
	r.wants("curl --silent http://localhost:4001/metrics", "rejoin_ready 1")
	res, err := http.Get(r.translate("http://localhost:4001/demo/"))
	if err != nil {
		r.t.Fatal(err)
	}
	_ = res.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if res.StatusCode != http.StatusOK {
		r.t.Errorf("the demo: %s", res.Status)
	}
	r.wants("go run ./tools/conformance -a ws://localhost:4000", " 0 failed")
	server.end(syscall.SIGTERM)
	if !strings.Contains(server.output(), `"msg":"drained"`) {
		r.t.Error("no drain on SIGTERM")
	}
}

// twoInstances: quickstart.md, with a redis-server of the reader's own.
func twoInstances(r *reader) {
	r.ownRedis("redis-server --port 6379 --save '' --maxmemory-policy noeviction")
	r.serve(signalRedis)
	r.serve("REDIS_URL=redis://localhost:6379 PORT=4010 HTTP_PORT=4011 go run ./functions/signal")
	r.wants("go run ./tools/conformance -a ws://localhost:4000 -b ws://localhost:4010", " 0 failed")
	r.wants("go run ./tools/inspect -redis redis://localhost:6379 totals", "session")
}

// inspect: observing.md. The room has one client in it.
func inspect(r *reader) {
	r.useRedis()
	room := newRoom()
	r.replace("<connectionId>", room)
	r.replace("<INSTANCE_ID>", "of-the-docs")
	r.serve("REDIS_URL=redis://redis.internal:6379 go run ./functions/signal", "INSTANCE_ID=of-the-docs")
	c, err := client.Dial(r.ctx, client.Config{URL: r.translate("ws://localhost:4000"), Room: room, Source: client.Wallet})
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Abort()
	r.wants(`go run ./tools/inspect -redis "$REDIS_URL" room <connectionId>`, c.ClientID()[:8])
	r.wants(`go run ./tools/inspect -redis "$REDIS_URL" instance <INSTANCE_ID>`, c.ClientID()[:8])
	r.wants(`go run ./tools/inspect -redis "$REDIS_URL" totals`, "of-the-docs")
}

// traces: observing.md. A server that does not like its settings does not start. What the collector gets is looked at elsewhere (TestTraces).
func traces(r *reader) {
	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r.t.Cleanup(collector.Close)
	r.replace("http://collector:4318", collector.URL)
	r.serve("OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318 OTEL_TRACES_SAMPLER=parentbased_traceidratio OTEL_TRACES_SAMPLER_ARG=0.01 go run ./functions/signal")
}

// iceServers: operating.md.
func iceServers(r *reader) {
	needs(r.t, "curl")
	r.serve("TURN_URLS=turn:localhost:3478 TURN_SECRET='at least sixteen characters' go run ./functions/iceservers")
	answer := r.run("curl http://localhost:4002/ice-servers")
	var body struct {
		ICEServers []struct{ Credential string }
	}
	if err := json.Unmarshal([]byte(answer[strings.Index(answer, "{"):]), &body); err != nil || len(body.ICEServers) != 1 || body.ICEServers[0].Credential == "" {
		r.t.Errorf("%s (%v)", answer, err)
	}
	r.wants(profileByHand, ":wallet\nTURN password")
}

// peerJS: peerjs.md.
func peerJS(r *reader) {
	needs(r.t, "curl")
	r.serve(signalPeerJS)
	if id := r.run("curl http://localhost:4000/peerjs/id"); !anUUID.MatchString(id) {
		r.t.Errorf("the new id is %q", id)
	}
}

var anUUID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// help: operating.md, clients.md, architecture.md.
func help(r *reader) {
	r.wants("go run ./functions/signal -h", "GRACE_WINDOW")
	r.wants("go doc ./client", "func Dial(")
	r.wants("go doc ./internal/edge", "accept ──► head")
	r.wants("go doc ./internal/signaling", "catching up")
	r.wants("go doc ./streams", "suspended")
}

// wants types a command that ends, and looks for a text in what it prints.
func (r *reader) wants(command, text string) {
	r.t.Helper()
	if out := r.run(command); !strings.Contains(out, text) {
		r.t.Errorf("%s: no %q in\n%s", command, text, out)
	}
}
