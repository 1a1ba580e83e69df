package streams_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/streams"
)

// faulty is the way to a Redis on which script calls meet faults: n of them, each refused with an error reply, or made and
// then left without an answer.
type faulty struct {
	mu    sync.Mutex
	left  int
	reply string // an error; "" : the answer is lost
	hits  int
	eval  string        // what EVAL is answered with; "": it is made
	mute  chan struct{} // closed: subscriptions from before are half open, nothing passes
}

// halfOpen lets nothing pass any more on the subscriptions that there are; their connections stay.
func (f *faulty) halfOpen() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.mute)
	f.mute = nil
}

// muted returns what is closed when a subscription made now becomes half open.
func (f *faulty) muted() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mute == nil {
		f.mute = make(chan struct{})
	}
	return f.mute
}

// untilClosed is a writer that swallows all once stop is closed.
type untilClosed struct {
	io.Writer
	stop <-chan struct{}
}

func (w untilClosed) Write(b []byte) (int, error) {
	select {
	case <-w.stop:
		return len(b), nil
	default:
		return w.Writer.Write(b)
	}
}

// failEval makes EVAL, which only the survey uses, fail from now on.
func (f *faulty) failEval(reply string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.eval = reply
}

// fail makes the next n script calls fail.
func (f *faulty) fail(n int, reply string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.reply, f.hits = n, reply, 0
}

// next says what becomes of a script call.
func (f *faulty) next() (reply string, fails bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left == 0 {
		return "", false
	}
	f.left--
	f.hits++
	return f.reply, true
}

// dial is an Options.Dialer.
func (f *faulty) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	server, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") // not net.Pipe: a pipeline is written before its answers are read
	if err != nil {
		return nil, err
	}
	defer l.Close()
	near, err := d.DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		return nil, err
	}
	far, err := l.Accept()
	if err != nil {
		return nil, err
	}
	go f.serve(far, server)
	return near, nil
}

// serve passes commands on one by one, each with its answer; behind SUBSCRIBE everything, as it comes.
func (f *faulty) serve(client, server net.Conn) {
	defer client.Close()
	defer server.Close()
	commands, replies := bufio.NewReader(client), bufio.NewReader(server)
	for {
		raw, name, err := readValue(commands)
		if err != nil {
			return
		}
		reply, fails := "", false
		// The leases are not what is tested.
		if name == "evalsha" && !strings.Contains(raw, "rejoin:instances") {
			reply, fails = f.next()
		}
		if name == "eval" {
			f.mu.Lock()
			reply, fails = f.eval, f.eval != ""
			f.mu.Unlock()
		}
		if fails && reply != "" {
			if _, err := fmt.Fprintf(client, "-%s\r\n", reply); err != nil {
				return
			}
			continue
		}
		if _, err := io.WriteString(server, raw); err != nil {
			return
		}
		if name == "subscribe" {
			stop := f.muted()
			go func() { _, _ = io.Copy(untilClosed{server, stop}, commands); server.Close() }()
			_, _ = io.Copy(untilClosed{client, stop}, replies)
			return
		}
		if raw, _, err = readValue(replies); err != nil || fails {
			return
		}
		if _, err := io.WriteString(client, raw); err != nil {
			return
		}
	}
}

// readValue reads one RESP value, whole; name is the first string in it, in lower case.
func readValue(r *bufio.Reader) (raw, name string, err error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", "", err
	}
	n, _ := strconv.Atoi(strings.TrimSpace(line[1:]))
	switch line[0] {
	case '$':
		if n < 0 {
			return line, "", nil
		}
		b := make([]byte, n+2)
		_, err := io.ReadFull(r, b)
		return line + string(b), strings.ToLower(string(b[:n])), err
	case '*':
		raw = line
		for i := range n {
			part, word, err := readValue(r)
			if err != nil {
				return "", "", err
			}
			if raw += part; i == 0 {
				name = word
			}
		}
		return raw, name, nil
	}
	return line, "", nil
}

// redisErrors are what Redis 6 to 8, Valkey 7 to 9 and managed services answer, and nonsense.
var redisErrors = []string{
	"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
	"NOREPLICAS Not enough good replicas to write.",
	"READONLY You can't write against a read only replica.",
	"LOADING Redis is loading the dataset in memory",
	"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
	"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
	"CLUSTERDOWN Hash slot not served",
	"TRYAGAIN Multiple keys request during rehashing of slot",
	"MOVED 866 127.0.0.1:1",
	"ASK 866 127.0.0.1:1",
	"NOPERM this user has no permissions to run the 'evalsha' command",
	"WRONGPASS invalid username-password pair or user is disabled.",
	"NOAUTH Authentication required.",
	"EXECABORT Transaction discarded because of previous errors.",
	"NOSCRIPT No matching script. Please use EVAL.",
	"ERR max number of clients reached",
	"ERR Script attempted to access a non local key in a cluster node script: 61b7, on @user_script:41.",
	"ERR Error running script (call to f_61b7): @user_script:41: -MISCONF Redis is configured to save RDB snapshots",
	"ERR internal error, try later", // a proxy
	"ZQXJ",
	"",
}

// Whatever Redis answers, and whichever answer is lost, every step is made, once. R27.
func TestEveryStepSurvivesEveryError(t *testing.T) {
	t.Parallel()
	for _, reply := range redisErrors {
		name := reply[:min(len(reply), 24)]
		if reply == "" {
			name = "answer lost"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, p := &faulty{}, &place{url: redistest.Server(t)}
			x := p.open(t, func(o *streams.Options) { o.Dialer, o.CallTimeout = f.dial, patience })
			room := newRoom()
			// When the answer is lost, the step has been made, and its repetition may say so.
			step := func(what string, call func() string, want, repeated string) {
				t.Helper()
				if reply == "" {
					want = repeated
				}
				f.fail(2, reply)
				if got := call(); got != want {
					t.Errorf("%s: %s, want %s", what, got, want)
				}
				if f.hits != 2 {
					t.Errorf("%s: met %d faults", what, f.hits)
				}
			}
			var e, w *member
			step("join", func() string { e = x.join(t, room, extension, rejoin); return e.id[:0] + "joined" }, "joined", "joined")
			step("join", func() string { w = x.join(t, room, wallet, rejoin); return fmt.Sprint(len(w.got.Peers)) }, "1", "1")
			outcome := map[streams.Outcome]string{streams.Stored: "stored", streams.StoredBefore: "stored before"}
			send := func() string { return outcome[must(t, x.send(e.message(w.id, 'o', "0")))] }
			step("send", send, "stored", "stored before")
			if reply != "" && send() != "stored before" {
				t.Error("the message is not remembered")
			}
			step("sync", func() string { return strings.Join(names(w.all(t, streams.EntryID{})), " ") }, "0", "0")
			step("ack", func() string { return fmt.Sprint(must(t, x.ack(w.ref(), w.seq(0)))) }, "0", "0")
			step("detach", func() string { return fmt.Sprint(must(t, x.detach(w.ref(), streams.EntryID{}))) }, "0", "1")
			step("resume", func() string { w = w.resume(t, x, w.seq(0)); return "resumed" }, "resumed", "resumed")
			step("restore", func() string {
				a := request(room, wallet, rejoin, true)
				a.Session, a.Resume, a.NewClient, a.TokenHash = w.session, w.id, w.id, w.token
				return fmt.Sprint(must(t, x.restore(a)).Verdict == streams.Resumed)
			}, "true", "true")
			step("claims", func() string {
				list := must(t, begin(func(done func([]streams.SessionRef, error)) { x.Claims(room, done) }))
				return fmt.Sprint(len(list))
			}, "2", "2")
			step("leave", func() string { return fmt.Sprint(must(t, x.leave(w.ref(), streams.EntryID{}))) }, "true", "false")
			step("undo", func() string {
				return must(t, begin(func(done func(string, error)) {
					x.Undo(streams.SessionRef{Room: room, Client: newClient(), Session: e.session}, "lost", done)
				}))
			}, e.id, "")
			p.elapse(t, room, e.id)
			step("expire", func() string { return fmt.Sprint(must(t, x.expire(room, e.id)) <= 0) }, "true", "true")
			if keys := p.keys(t, room); len(keys) > 0 {
				t.Errorf("left over: %v", keys)
			}
		})
	}
}

// Of what Redis cannot be made to do in time, the caller is told the cause.
func TestAStepThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	f, p := &faulty{}, &place{url: redistest.Server(t)}
	x := p.open(t, func(o *streams.Options) { o.Dialer = f.dial })
	f.fail(1<<30, "MISCONF no disk")
	_, err := end(t, x.attach(request(newRoom(), wallet, rejoin, true)))
	if !errors.Is(err, streams.ErrUnavailable) || !strings.Contains(err.Error(), "MISCONF") {
		t.Errorf("error %v", err)
	}
	if err := x.Serves(newRoom()); err == nil || !strings.Contains(err.Error(), "cannot save") {
		t.Errorf("serves: %v", err)
	}
	if err := x.Ready(); err == nil || !strings.Contains(err.Error(), "cannot save") {
		t.Errorf("ready: %v", err)
	}
	f.fail(0, "")
	until(t, "ready again", func() bool {
		_, err := end(t, x.attach(request(newRoom(), wallet, rejoin, true)))
		return err == nil && x.Ready() == nil
	})
}

// A subscription on which nothing arrives any more, though its connection stands, is noticed and made anew.
func TestAHalfOpenSubscriptionIsMadeAnew(t *testing.T) {
	t.Parallel()
	f, p := &faulty{}, &place{url: redistest.Server(t)}
	x, y := p.open(t, func(o *streams.Options) { o.Dialer = f.dial }), p.open(t)
	room := newRoom()
	e, w := y.join(t, room, extension, rejoin), x.join(t, room, wallet, rejoin)
	before := x.reconciles()
	f.halfOpen()
	x.wait(t, "another subscription", func() bool { return x.reconciled > before })
	e.send(t, w, 'o', "0")
	x.bell(t, streams.BellData, w.id)
}
