package docs_test

import (
	"crypto/rand"
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/tools/verify/faultproxy"
)

func newRoom() string {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// save writes a block of a page into a file, as the reader is told to.
func (r *reader) save(dir, name string, b block) string {
	r.t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(r.translate(b.text())), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return path
}

var anID = regexp.MustCompile(`("(?:remoteClientId|targetClientId)":)"[^"]*"`)

// byHand: quickstart.md. The clients print what the page says, except for the ids.
func byHand(r *reader) {
	node, dir := nodeEnv(r.t), r.t.TempDir()
	r.serve(signal)
	r.save(dir, "talk.mjs", blocksOf(r.t, "docs/quickstart.md", "js")[0])
	printed := blocksOf(r.t, "docs/quickstart.md", "")

	extension := r.start(dir, "node talk.mjs extension", node)
	// Who connects first shows only when the other one is told of it; a room of two is complete when both were.
	wallet := r.start(dir, "node talk.mjs wallet", node)
	extension.awaitText(r.ctx, "remoteClient")
	wallet.awaitText(r.ctx, "remoteClient")
	extension.enter("hello")
	wallet.awaitText(r.ctx, "hello")
	r.compare(wallet.output(), printed[0])

	wallet.end(syscall.SIGINT)
	extension.enter("one")
	extension.enter("two")
	extension.awaitText(r.ctx, "extension-3")
	r.compare(extension.output(), printed[1])

	again := r.start(dir, "node talk.mjs wallet", node)
	again.awaitText(r.ctx, `"two"`)
	r.compare(without(again.output(), wallet.output()), printed[2])
}

// without leaves out the messages that were printed before: a reader is slower than a pong, and a test may not be. What is not
// proven to have arrived comes again (rule S2.6).
func without(output, before string) string {
	var kept strings.Builder
	for line := range strings.Lines(output) {
		if !strings.Contains(line, "remoteData") || !strings.Contains(before, line) {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// compare takes both announcements of a peer as the same: which of the two clients was first is not on the page.
func (r *reader) compare(got string, want block) {
	r.t.Helper()
	plain := func(text string) string {
		text = anID.ReplaceAllString(text, `$1"…"`)
		return strings.ReplaceAll(text, "remoteClientJustConnected", "remoteClientIsAlreadyConnected")
	}
	if plain(got) != plain(want.text()) {
		r.t.Errorf("quickstart.md:%d says\n%s\nand this was printed\n%s", want.line, want.text(), got)
	}
}

// ownClient: the client that clients.md prints in whole loses its connection, then its instance, and nothing else.
func ownClient(r *reader) {
	node, dir, room := nodeEnv(r.t), r.t.TempDir(), newRoom()
	r.save(dir, "rejoin.mjs", blocksOf(r.t, "docs/clients.md", "js")[0])
	drive, err := os.ReadFile("testdata/drive.mjs")
	if err != nil {
		r.t.Fatal(err)
	}
	r.save(dir, "drive.mjs", block{lines: []string{string(drive)}})
	r.useRedis()
	draining, other := launchServer(r), launchServer(r)
	proxy, err := faultproxy.Listen(draining.address)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = proxy.Close() })
	join := func(address, role, peer string) *process {
		p := launch(r.t, dir, "node drive.mjs 'ws://"+address+"/"+room+"?source="+role+"&target="+peer+"'", node)
		p.awaitText(r.ctx, "session fresh")
		return p
	}
	extension := join(other.address, "extension", "wallet")
	wallet := join(proxy.Addr(), "wallet", "extension")
	extension.awaitText(r.ctx, "remoteClientJustConnected")
	extension.enter("a")
	wallet.awaitText(r.ctx, "got a\n")

	proxy.Refuse(true)
	proxy.Reset()
	extension.awaitText(r.ctx, "remoteClientSuspended")
	for _, line := range []string{"b", "c"} {
		extension.enter(line)
	}
	wallet.enter("d") // it waits for the next connection
	extension.await(r.ctx, func(out string) bool { return strings.Count(out, "confirmation") == 3 })
	proxy.Refuse(false)
	wallet.awaitText(r.ctx, "session resumed")
	wallet.awaitText(r.ctx, "got c\n")
	extension.awaitText(r.ctx, "got d\n")

	proxy.SetTarget(other.address)
	draining.end(syscall.SIGTERM)
	wallet.await(r.ctx, func(out string) bool { return strings.Count(out, "session resumed") == 2 })
	extension.enter("e")
	wallet.awaitText(r.ctx, "got e\n")
	wallet.enter("bye")
	extension.awaitText(r.ctx, "remoteClientDisconnected")
	gotOnce(r.t, wallet, "a", "b", "c", "e")
	gotOnce(r.t, extension, "d")
}

var aMessage = regexp.MustCompile(`(?m)^got (.*)$`)

func gotOnce(t *testing.T, p *process, want ...string) {
	t.Helper()
	var got []string
	for _, m := range aMessage.FindAllStringSubmatch(p.output(), -1) {
		got = append(got, m[1])
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s got %q, want %q", p.name, got, want)
	}
}

// launchServer starts a server for a play that types no command for it.
func launchServer(r *reader) *process {
	r.t.Helper()
	p := r.serve(signal, "DRAIN_TIMEOUT=2s")
	delete(r.typed, signal)
	return p
}

// goClient: the program of clients.md, from a file outside of the module, as go run takes it.
func goClient(r *reader) {
	server := launchServer(r)
	program := launch(r.t, root, "go run "+r.save(r.t.TempDir(), "main.go", blocksOf(r.t, "docs/clients.md", "go")[0]))
	program.awaitText(r.ctx, "session open, resumed: false")
	c, err := client.Dial(r.ctx, client.Config{URL: "ws://" + server.address, Room: "lobby"})
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Abort()
	for {
		event, err := c.Next(r.ctx)
		if err != nil {
			r.t.Fatal(err)
		}
		switch e := event.(type) {
		case client.Session:
			greet(r, c, e.Peers[0].ID)
		case client.Data:
			if e.Payload != "thanks" {
				r.t.Errorf("the answer is %q", e.Payload)
			}
			program.awaitText(r.ctx, "got hi")
			return
		}
	}
}

func greet(r *reader, c *client.Client, peer string) {
	r.t.Helper()
	if err := c.Send(r.ctx, client.Message{Target: peer, Method: "offer", EncryptedPayload: "hi"}); err != nil {
		r.t.Fatal(err)
	}
}

// pion: clients.md. The two connect without a browser.
func pion(r *reader) {
	url := " -url ws://" + launchServer(r).address
	r.replace("-loopback", "-loopback"+url)
	room := strings.Repeat("ab", 32)
	r.start(root, "go run ./client/examples/pion -loopback -room "+room)
	caller := r.start(root, "go run ./client/examples/pion -loopback -room "+room+" -role wallet -call")
	caller.awaitText(r.ctx, "bytes=5") // hello, echoed
}

// ownRedis types a command that starts a redis-server, on a free port, and returns when it answers.
func (r *reader) ownRedis(command string) {
	r.t.Helper()
	needs(r.t, "redis-server")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	_ = l.Close()
	r.replace("--port 6379", "--port "+port)
	r.replace("localhost:6379", "127.0.0.1:"+port)
	r.start(r.t.TempDir(), command).awaitText(r.ctx, "Ready to accept connections")
}
