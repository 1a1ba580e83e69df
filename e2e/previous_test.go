package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gobwas/ws"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// previousCommit is the version before, which has to work side by side with this one: during a deploy, and after a roll-back. It
// becomes the last release when there is one.
const previousCommit = "cd0a652a161d04585d30c3b5c8f4bc23bee32de2"

var previousDir string // what TestMain removes in the end

// buildPrevious builds the server of the version before, once, from the repository's history.
var buildPrevious = sync.OnceValues(func() (path string, err error) {
	dir, err := os.MkdirTemp("", "rejoin-previous-")
	if err != nil {
		return "", err
	}
	previousDir = dir
	root, err := filepath.Abs("..")
	if err != nil {
		return "", err
	}
	run := func(name string, args ...string) error {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
		}
		return nil
	}
	archive := filepath.Join(dir, "source.tar")
	if err := run("git", "-C", root, "-c", "safe.directory=*", "archive", "-o", archive, previousCommit); err != nil {
		return "", fmt.Errorf("the version before is not in this clone's history (a shallow clone? git fetch --unshallow): %w", err)
	}
	if err := run("tar", "-xf", archive); err != nil {
		return "", err
	}
	path = filepath.Join(dir, "signal-before")
	return path, run("go", "build", "-o", path, "./functions/signal")
})

// TestVersionsSideBySide: instances of this version and of the one before serve the same rooms: each one's clients talk to the other's,
// come back to the other, and are told of each other's ends. In both directions, on a single server and on a cluster. R34.
func TestVersionsSideBySide(t *testing.T) {
	t.Parallel()
	before, err := buildPrevious()
	if err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]string{"server": redistest.Server(t), "cluster": redistest.Cluster(t)} {
		for _, oldFirst := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, old first=%t", name, oldFirst), func(t *testing.T) {
				t.Parallel()
				ctx := limit(t)
				settings := []string{"REDIS_URL=" + url, "GRACE_WINDOW=5s", "INSTANCE_LEASE=3s"}
				x, y := proctest.Start(t, settings...), proctest.StartBinary(t, before, settings...)
				if oldFirst {
					x, y = y, x
				}
				for _, plain := range []bool{true, false} {
					testSideBySide(ctx, t, x, y, plain)
				}
			})
		}
	}
}

func testSideBySide(ctx context.Context, t *testing.T, x, y *proctest.Process, plain bool) {
	t.Helper()
	room := newRoom()
	at := func(s *proctest.Process, role string, was *client.Position) peer {
		p := dial(ctx, t, client.Config{URL: s.URL(), Room: room, Source: role, Plain: plain, Resume: was})
		p.settle()
		return p
	}
	e := at(x, client.Extension, nil)
	w := at(y, client.Wallet, nil)
	to, from := e.meet(), w.meet()
	for i := range 5 {
		e.send(to, "iceCandidate", fmt.Sprint("e", i))
		w.send(from, "iceCandidate", fmt.Sprint("w", i))
		if got := wait[client.Data](w).Payload; got != fmt.Sprint("e", i) {
			t.Fatalf("the wallet got %q", got)
		}
		if got := wait[client.Data](e).Payload; got != fmt.Sprint("w", i) {
			t.Fatalf("the extension got %q", got)
		}
	}
	// The wallet loses its network and comes back to the other version.
	var was *client.Position
	if position := w.Position(); !plain {
		was = &position
	}
	w.Abort()
	e.send(to, "iceCandidate", "while away")
	w = at(x, client.Wallet, was)
	got := wait[client.Data](w).Payload
	for plain && strings.HasPrefix(got, "e") { // what no pong had proven comes again (rule S2.6)
		got = wait[client.Data](w).Payload
	}
	if got != "while away" {
		t.Fatalf("back at the other version, the wallet got %q", got)
	}
	// It leaves, and the extension on the other version hears so.
	if err := w.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if got := wait[client.PeerDisconnected](e); got.ID != to {
		t.Errorf("left: %+v", got)
	}
	if err := e.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

// TestRoomsBesideTheVersionBefore: clients of names and roles that the version before does not know are refused there, with a reason, and nothing of
// them is seen there: a wallet that comes to the same 64 hex digits meets extensions only, on either version.
func TestRoomsBesideTheVersionBefore(t *testing.T) {
	t.Parallel()
	before, err := buildPrevious()
	if err != nil {
		t.Fatal(err)
	}
	ctx := limit(t)
	settings := []string{"REDIS_URL=" + redistest.Server(t)}
	now, old := proctest.Start(t, settings...), proctest.StartBinary(t, before, settings...)
	room := newRoom()
	for path, reason := range map[string]string{
		"/rooms/lobby":                          "missing connectionId in path",
		"/" + room:                              "missing target",
		"/" + room + "?source=peer&target=peer": "invalid target",
	} {
		refused := dialRejoin(ctx, t, old.URL()+path)
		header, payload, err := readFrame(refused)
		if err != nil || header.OpCode != ws.OpClose {
			t.Fatalf("%s: %+v, %v", path, header, err)
		}
		if code, got := ws.ParseCloseFrameData(payload); code != 1003 || got != reason {
			t.Errorf("%s: %d %s, want 1003 %s", path, code, got, reason)
		}
	}
	hello := func(c *rawConn) (s struct {
		ClientID string                            `json:"clientId"`
		Peers    []struct{ RemoteClientID string } `json:"peers"`
	},
	) {
		t.Helper()
		if err := json.Unmarshal(c.text(), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	equal := dialRejoin(ctx, t, now.URL()+"/"+room)
	hello(equal)
	other := dialRejoin(ctx, t, now.URL()+"/"+room+"?source=host&target=wallet")
	hello(other)
	extension := dialRejoin(ctx, t, now.URL()+"/"+room+"?source=extension&target=wallet")
	e := hello(extension)
	wallet := dialRejoin(ctx, t, old.URL()+"/"+room+"?source=wallet&target=extension")
	w := hello(wallet)
	if len(w.Peers) != 1 || w.Peers[0].RemoteClientID != e.ClientID {
		t.Errorf("on the version before a wallet sees %+v, want the extension only", w.Peers)
	}
	if got := extension.text(); !strings.Contains(string(got), "remoteClientJustConnected") {
		t.Errorf("the extension got %s", got)
	}
	// What this version stores of any kind the other delivers as it came.
	message := `{"requestId":"1","method":"chat","targetClientId":"` + w.ClientID + `","payload":{"a":1},"ttlMs":60000}`
	if err := ws.WriteFrame(extension, ws.MaskFrame(ws.NewTextFrame([]byte(message)))); err != nil {
		t.Fatal(err)
	}
	if got := extension.text(); string(got) != `{"info":"confirmation","requestId":"1"}` {
		t.Errorf("the extension got %s", got)
	}
	if got := wallet.text(); !strings.HasPrefix(string(got), `{"info":"remoteData","data":`+message+`,`) {
		t.Errorf("the wallet got %s", got)
	}
	// The room of equals heard of none of it.
	second := dialRejoin(ctx, t, now.URL()+"/"+room)
	if s := hello(second); len(s.Peers) != 1 {
		t.Errorf("an equal sees %+v", s.Peers)
	}
	if got := equal.text(); !strings.Contains(string(got), "remoteClientJustConnected") {
		t.Errorf("an equal got %s", got)
	}
}

// rawConn is a WebSocket of rejoin.v1 that no client of ours judges.
type rawConn struct {
	net.Conn
	t testing.TB
}

func dialRejoin(ctx context.Context, t testing.TB, url string) *rawConn {
	t.Helper()
	conn, read, _, err := ws.Dialer{Protocols: []string{"rejoin.v1"}}.Dial(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if read != nil {
		conn = readAhead{conn, read}
	}
	return &rawConn{conn, t}
}

// readAhead is a connection of which some has been read.
type readAhead struct {
	net.Conn
	read *bufio.Reader
}

func (r readAhead) Read(p []byte) (int, error) { return r.read.Read(p) }

// text is the next message.
func (c *rawConn) text() []byte {
	c.t.Helper()
	header, payload, err := readFrame(c)
	if err != nil || header.OpCode != ws.OpText {
		c.t.Fatalf("%+v %q, %v", header, payload, err)
	}
	return payload
}

func readFrame(r io.Reader) (ws.Header, []byte, error) {
	header, err := ws.ReadHeader(r)
	if err != nil {
		return header, nil, err
	}
	payload := make([]byte, header.Length)
	_, err = io.ReadFull(r, payload)
	return header, payload, err
}
