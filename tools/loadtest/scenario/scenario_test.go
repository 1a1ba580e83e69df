//go:build linux

package scenario_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rejoin-dev/rejoin/tools/loadtest/fleet"
	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
	"github.com/rejoin-dev/rejoin/tools/loadtest/scenario"
)

// binary is functions/signal, built once for all tests: that is what a test process shares.
type binary struct {
	once sync.Once
	dir  string
	path string
	err  error
}

var server binary

func (b *binary) get(t *testing.T) string {
	t.Helper()
	b.once.Do(func() {
		if b.dir, b.err = os.MkdirTemp("", "rejoin-loadtest-"); b.err == nil {
			b.path, b.err = fleet.Build(context.Background(), b.dir, fleet.Signal)
		}
	})
	if b.err != nil {
		t.Fatal(b.err)
	}
	return b.path
}

func (b *binary) remove() {
	if b.dir != "" {
		_ = os.RemoveAll(b.dir)
	}
}

// redisServer finds the program as internal/redistest does.
func redisServer(t *testing.T) string {
	t.Helper()
	name := os.Getenv("REJOIN_REDIS_SERVER")
	if name == "" {
		name = "redis-server"
	}
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("REJOIN_SKIP_REDIS") == "1" {
		t.Skip("no redis-server here, and REJOIN_SKIP_REDIS=1")
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// log is what a run says, from several goroutines.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// run runs a scenario and returns its results, which have to be clean.
func run(t *testing.T, name string, args ...string) []report.Result {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	said := &log{}
	runner := scenario.Runner{Stderr: said, Worker: []string{self, "worker"}}
	args = append(args, "-timeout", "60s", "-redis-server", redisServer(t))
	args = append(args, "-server-binary", server.get(t))
	f, _, err := runner.Run(t.Context(), name, args)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	var table bytes.Buffer
	if err := f.Print(&table); err != nil {
		t.Error(err)
	}
	if !f.OK() || testing.Verbose() {
		t.Log(said.String() + table.String())
	}
	if !f.OK() {
		t.Error("not everything arrived once and in order")
	}
	if strings.Contains(f.Command, os.TempDir()) {
		t.Errorf("the command tells where files are: %s", f.Command)
	}
	return f.Results
}

// wants fails unless a result has these figures, above 0.
func wants(t *testing.T, r *report.Result, figures ...string) {
	t.Helper()
	for _, name := range figures {
		if v, ok := r.Get(name); !ok || v <= 0 {
			t.Errorf("%s is %v", name, v)
		}
	}
	for _, p := range r.Processes {
		if p.RSSBytes == 0 || p.Descriptors == 0 || p.Name == "redis" && p.Connections == 0 {
			t.Errorf("process %+v", p)
		}
	}
	if len(r.Processes) < 2 {
		t.Errorf("only %d processes were looked at", len(r.Processes))
	}
}

func TestIdle(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"-dialect plain", "-dialect rejoin.v1 -procs 2 -per-room 2 -rate 1000"} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			r := run(t, "idle", append(strings.Fields(args), "-n", "101", "-settle", "100ms", "-ping", "400ms", "-window", "800ms")...)
			wants(t, &r[0], "connections", "empty_process_rss", "connects_per_second", "pings")
		})
	}
}

func TestRelay(t *testing.T) {
	t.Parallel()
	r := run(t, "relay", strings.Fields("-pairs 5 -rate 300 -warmup 100ms -duration 700ms -with-baseline -repeat 2")...)
	if len(r) != 2 || r[1].Subject != report.SubjectBaseline {
		t.Fatalf("%d results", len(r))
	}
	for i := range r {
		wants(t, &r[i], report.FigRate)
		// Of 2×210 that are due, a few may have been due when the measuring began.
		for _, name := range []string{report.LatOneWay, report.LatConfirm, report.LatLate} {
			if l := r[i].Latency(name); l == nil || l.Count < 400 || l.Max < l.P50 {
				t.Errorf("%s, %s: %+v", r[i].Subject, name, l)
			}
		}
		if got := r[i].Tally.Sent; got < 478 || got > 482 {
			t.Errorf("%s: %d messages were sent, want 2×240", r[i].Subject, got)
		}
	}
}

func TestRelayAtSaturation(t *testing.T) {
	t.Parallel()
	r := run(t, "relay", strings.Fields("-pairs 6 -rate max -inflight 4 -dialect rejoin.v1 -loops 2 -instances 3 -warmup 100ms -duration 700ms "+
		"-idle 30 -idle-window 200ms -env MAILBOX_MESSAGES=4096 -env MAILBOX_BYTES=8388608")...)
	wants(t, &r[0], report.FigRate, "server_cpu_per_message_with_idle")
	if n, _ := r[0].Get(report.FigConnections); n != 42 {
		t.Errorf("%v connections", n)
	}
}

func TestResume(t *testing.T) {
	t.Parallel()
	for _, rate := range []string{"max", "200"} {
		t.Run(rate, func(t *testing.T) {
			t.Parallel()
			r := run(t, "resume", "-n", "30", "-rounds", "2", "-settle", "10ms", "-rate", rate)
			wants(t, &r[0], "resumes_per_second")
			if l := r[0].Latency(report.LatResume); l == nil || l.Count != 60 || r[0].Tally.Received != 1200 {
				t.Errorf("%+v, %+v", l, r[0].Tally)
			}
		})
	}
}

func TestHostile(t *testing.T) {
	t.Parallel()
	r := run(t, "hostile", strings.Fields("-n 40 -pairs 5 -rate 200 -duration 1200ms -repeat 1")...)
	if len(r) != 2 || r[0].Subject != report.SubjectHostile {
		t.Fatalf("%d results", len(r))
	}
	wants(t, &r[0], "trickling_connections", "bytes_held_for_incomplete_messages", "messages_per_second")
	wants(t, &r[1], "messages_per_second")
}

// TestIdleInAContainer needs to be root, as containers do.
func TestIdleInAContainer(t *testing.T) {
	t.Parallel()
	c, err := fleet.NewContainer(64 << 20)
	if err != nil {
		t.Skipf("no memory cgroups here: %v", err)
	}
	if err := c.Remove(); err != nil {
		t.Fatal(err)
	}
	r := run(t, "idle", strings.Fields("-n 50 -memory 128 -settle 100ms -ping 400ms -window 800ms")...)
	wants(t, &r[0], "memory_limit", "memory_charged", "memory_charged_peak")
}

func TestJitter(t *testing.T) {
	t.Parallel()
	r := run(t, "jitter", strings.Fields("-clients 40 -per-client 5 -duration 1500ms -every 300ms -spread 200ms -offline 100ms -back-off 100ms")...)
	if len(r) != 4 { // three events, and plain wallets without one
		t.Fatalf("%d results", len(r))
	}
	for i := range r {
		wants(t, &r[i], report.FigRate, "cuts", "resumed")
		if got, _ := r[i].Get(report.FigDelivered); got != 100 || r[i].Tally.Sent < 290 {
			t.Errorf("%s: %v %% of %d were delivered", r[i].Settings, got, r[i].Tally.Sent)
		}
		if l := r[i].Latency(report.LatWritten); l == nil || l.Count != int64(r[i].Tally.Received) || l.P95 < l.P50 {
			t.Errorf("%+v of %+v", l, r[i].Tally)
		}
	}
	for i, event := range []string{"none", "kill", "deploy"} {
		if ended, _ := r[i].Get("ended_by_the_server"); (ended > 0) != (event != "none") {
			t.Errorf("event %s: the servers ended %v connections", event, ended)
		}
		if lost, _ := r[i].Get("not_resumed"); lost > 0 {
			t.Errorf("event %s: %v sessions were not resumed", event, lost)
		}
	}
}

func TestPeerJS(t *testing.T) {
	t.Parallel()
	r := run(t, "peerjs", strings.Fields("-with-peerserver=false -instances 2 -parts cost,away,redis -clients 40 -pairs 10 -rate 200 -settle 100ms -duration 500ms "+
		"-fault-clients 20 -fault-duration 4s")...)
	if len(r) != 3 {
		t.Fatalf("%d results", len(r))
	}
	wants(t, &r[0], report.FigConnects, report.FigRate+report.Paced, report.FigRate+report.Most)
	if len(r[0].Latencies) != 2 || r[0].Tally.Received < 100 {
		t.Errorf("%+v", r[0])
	}
	for i, least := range []float64{10, 0} { // half of the clients were away
		if shut, _ := r[1+i].Get(report.FigWithoutOpen); shut > 0 || r[1+i].Lost > 0 || r[1+i].Tally.Disordered > 0 {
			t.Errorf("%s: %v clients without OPEN, %v", r[1+i].Settings, shut, r[1+i].Problems)
		}
		if n, _ := r[1+i].Get("reconnects"); n < least || r[1+i].Tally.Sent < 100 {
			t.Errorf("%s: %v reconnects, %d sent", r[1+i].Settings, n, r[1+i].Tally.Sent)
		}
	}
}

func TestStart(t *testing.T) {
	t.Parallel()
	r := run(t, "start", "-runs", "3")
	wants(t, &r[0], "start_to_upgrade_median", "binary")
}

// TestGivenServers loads servers that are running already, and leaves them running.
func TestGivenServers(t *testing.T) {
	t.Parallel()
	f, err := fleet.Start(t.Context(), fleet.Plan{Binary: server.get(t), HasHTTP: true, Instances: 2, Redis: redisServer(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Stop(); err != nil {
			t.Error(err)
		}
	}()
	args := []string{"-pairs", "3", "-rate", "100", "-warmup", "0s", "-duration", "300ms", "-redis-pid", strconv.Itoa(f.Redis.PID)}
	for i, flag := range []string{"-a", "-b"} {
		args = append(args, flag, "ws://"+f.Servers[i].Addr.String(), "-pids", strconv.Itoa(f.Servers[i].PID))
	}
	r := run(t, "relay", args...)
	if len(r[0].Processes) != 3 || r[0].Tally.Sent < 29 {
		t.Errorf("%+v", r[0])
	}
	if _, err := f.CPU(); err != nil {
		t.Errorf("a server that was given has ended: %v", err)
	}
}

func TestBadCommandLines(t *testing.T) {
	t.Parallel()
	runner := scenario.Runner{Stderr: &log{}, Worker: []string{"false"}}
	for _, line := range []string{
		"dance", "idle -n 0", "idle -per-room 3", "idle x", "relay -rate fast", "relay -rate -1", "relay -dialect klingon", "relay -pairs 100000",
		"relay -inflight 0", "relay -loops 300", "resume -waiting 1000", "resume -rounds 0", "start -runs 0", "start -a ws://127.0.0.1:1",
		"relay -b ws://127.0.0.1:1", "relay -a http://127.0.0.1:1", "relay -a ws://10.1.2.3:4000", "relay -a ws://example.com:4000",
		"relay -a ws://127.0.0.1:1 -pids 1,2", "relay -a ws://127.0.0.1:1 -pids x", "relay -env PORT", "load -users 0", "load -users 3", "load -users 40000 -instances 2", "load -restarts max", "load -candidates -1",
		"storm -clients 30000", "storm -dialect klingon", "storm -back-off -1s",
		"jitter -clients 1", "jitter -instances 1", "jitter -protocols socket.io", "jitter -events flood", "jitter -every -1s", "jitter -a ws://127.0.0.1:1",
		"peerjs -parts dance", "peerjs -instances 0", "peerjs -clients 1", "peerjs -pairs 9000", "peerjs -rate max", "peerjs -a ws://127.0.0.1:1",
		"jitter -clients 2 -protocols plain -peers /nowhere -duration 0s", "idle -plot x.svg -n 0",
	} {
		name, rest, _ := strings.Cut(line, " ")
		if f, _, err := runner.Run(t.Context(), name, strings.Fields(rest)); err == nil {
			t.Errorf("%s: ran: %+v", line, f)
		}
	}
	if _, _, err := runner.Run(t.Context(), "idle", []string{"-h"}); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h: %v", err)
	}
}

// TestBadRunsSaySo: a server that refuses what the load sends makes a run that is not clean.
func TestBadRunsSaySo(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	runner := scenario.Runner{Stderr: &log{}, Worker: []string{self, "worker"}}
	// 10 messages a second for each of 2 senders, of which a server takes 3.
	f, _, err := runner.Run(t.Context(), "relay", append(strings.Fields(
		"-pairs 1 -rate 20 -warmup 0s -duration 900ms -drain 100ms -env RATE_LIMIT_MESSAGES=3 -redis-server"),
		redisServer(t), "-server-binary", server.get(t)))
	if err != nil {
		t.Fatal(err)
	}
	if f.OK() || f.Results[0].Tally.Disconnected == 0 || !strings.Contains(fmt.Sprint(f.Results[0].Problems), "slow down") {
		t.Errorf("%+v", f.Results[0].Problems)
	}
}
