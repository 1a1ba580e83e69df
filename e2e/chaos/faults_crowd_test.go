package chaos_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rejoin-dev/rejoin/client"
)

// unread is how many large messages a reader that stalls is sent: a megabyte, more than sockets and buffers hold for it.
const unread = 1 << 20 / bigger

// stallReaders: 50 more rooms of both dialects, whose wallets stop reading, are sent to, and read on.
func stallReaders(r *run) {
	ctx, cancel := context.WithTimeout(r.load.ctx, patience)
	defer cancel()
	var readers, stalled sync.WaitGroup
	readOn := make(chan struct{})
	for i := range 50 {
		stalled.Add(1)
		readers.Go(func() {
			done := sync.OnceFunc(stalled.Done)
			defer done()
			if err := r.stallReader(ctx, i, done, readOn); err != nil {
				r.t.Errorf("reader %d: %v", i, err)
			}
		})
	}
	stalled.Wait()
	time.Sleep(3 * time.Second)
	close(readOn)
	readers.Wait()
}

// stallReader is one of them. It calls stalled when all is sent.
func (r *run) stallReader(ctx context.Context, i int, stalled func(), readOn <-chan struct{}) error {
	kind, room := pair(dialects[i%len(dialects)]), newRoomID()
	// A second time in the same history they are others.
	name := fmt.Sprintf("stalled-%d-%s", i, room[:8])
	wallet, extension := r.load.actor(kind[0].member(name+"/wallet", room), i, 0), r.load.actor(kind[1].member(name+"/extension", room), i+1, 0)
	wallet.config.Events, wallet.config.Silence = 1, -1
	wallet.config.HTTPClient, wallet.config.URLs = r.stack.straight(i), urls(i)[:1] // proxies hold much
	if err := wallet.join(ctx); err != nil {
		return err
	}
	defer wallet.leave(ctx)
	if err := wallet.until(ctx, "its session", func() bool { return wallet.conn > 0 }); err != nil {
		return err
	}
	wallet.stall(true)
	defer wallet.stall(false)
	if err := extension.join(ctx); err != nil {
		return err
	}
	defer extension.leave(ctx)
	if err := extension.until(ctx, "the wallet", func() bool { return len(extension.peers[extension.client]) > 0 }); err != nil {
		return err
	}
	extension.heavy.Store(true)
	for range unread {
		extension.send(ctx, ctx)
	}
	extension.answers.Wait()
	stalled()
	<-readOn
	wallet.stall(false)
	return wallet.until(ctx, "all that was confirmed", func() bool { return len(wallet.got) >= int(extension.stored.Load()) })
}

// straight returns an HTTP client that has no proxy between itself and an instance.
func (s *stack) straight(i int) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return s.dialStraight(ctx, network, i)
	}}}
}

func (s *stack) dialStraight(ctx context.Context, network string, i int) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, s.node(i%instances).process.Addr())
}

// floodPongs: the clients have a megabyte to read each, and a pong must not make the server look for it.
func floodPongs(r *run) {
	ctx, cancel := context.WithTimeout(r.load.ctx, patience)
	defer cancel()
	var flooders, flooding sync.WaitGroup
	stop := make(chan struct{})
	for i := range 8 {
		flooding.Add(1)
		flooders.Go(func() {
			ready := sync.OnceFunc(flooding.Done)
			defer ready()
			if err := r.floodPong(ctx, i, ready, stop); err != nil {
				r.t.Errorf("pong flood %d: %v", i, err)
			}
		})
	}
	flooding.Wait()
	r.struck()
	before, began := r.stack.busy(), time.Now()
	time.Sleep(5 * time.Second)
	r.t.Logf("Redis was busy for %.0f %% of the flood", 100*(r.stack.busy()-before)/time.Since(began).Seconds())
	close(stop)
	flooders.Wait()
}

// busy returns how many seconds of CPU Redis has used.
func (s *stack) busy() (seconds float64) {
	for line := range strings.Lines(s.server.Do("INFO cpu")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "used_cpu_user" || name == "used_cpu_sys" {
			f, _ := strconv.ParseFloat(value, 64)
			seconds += f
		}
	}
	return seconds
}

// floodPong is one of them: a wallet in a room of its own. It calls ready when more was sent to it than it can be given. The server ends
// the connection of a client that reads nothing for long; it comes back then.
func (r *run) floodPong(ctx context.Context, i int, ready func(), stop <-chan struct{}) error {
	room, filled := newRoomID(), make(chan error, 1)
	go func() {
		defer ready()
		filled <- r.fill(ctx, room, i)
	}()
	for stopped := false; !stopped; {
		conn, err := r.dialRaw(ctx, room, i)
		if err != nil {
			<-filled
			return err
		}
		stopped = flood(conn, stop) // from the beginning: one that is silent is taken for dead
		_ = conn.Close()
	}
	return <-filled
}

// dialRaw connects a wallet that reads nothing but the answer to its upgrade.
func (r *run) dialRaw(ctx context.Context, room string, i int) (net.Conn, error) {
	conn, err := r.stack.dialStraight(ctx, "tcp", i)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	_, err = fmt.Fprintf(conn, "GET /%s?source=wallet&target=extension HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", room)
	if err == nil {
		var res *http.Response
		if res, err = http.ReadResponse(bufio.NewReader(conn), nil); err == nil && res.StatusCode != http.StatusSwitchingProtocols {
			_ = res.Body.Close()
			err = errors.New(res.Status)
		}
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("upgrade: %w", err)
	}
	return conn, nil
}

// fill sends a megabyte to the wallet in a room.
func (r *run) fill(ctx context.Context, room string, i int) error {
	extension, err := client.Dial(ctx, client.Config{URLs: urls(i), HTTPClient: r.stack.client(), Room: room, Source: client.Extension})
	if err != nil {
		return fmt.Errorf("dial as its peer: %w", err)
	}
	defer extension.Close(ctx)
	target, err := meet(ctx, extension)
	if err != nil {
		return fmt.Errorf("meet: %w", err)
	}
	for n := range unread {
		m := client.Message{RequestID: strconv.Itoa(n), Target: target, Method: "iceCandidate", EncryptedPayload: strings.Repeat("x", bigger)}
		if err := extension.Send(ctx, m); err != nil && !errors.Is(err, client.ErrMailboxFull) {
			return fmt.Errorf("fill: %w", err)
		}
	}
	return nil
}

// meet returns the peer that is there.
func meet(ctx context.Context, c *client.Client) (string, error) {
	for {
		ev, err := c.Next(ctx)
		if err != nil {
			return "", err
		}
		switch ev := ev.(type) {
		case client.Session:
			if len(ev.Peers) > 0 {
				return ev.Peers[0].ID, nil
			}
		case client.PeerConnected:
			return ev.ID, nil
		}
	}
}

// flood sends 12 KB/s of the largest pongs there are, fewer than a client may send, until it is stopped or the connection ends. It reports
// whether it was stopped.
func flood(conn net.Conn, stop <-chan struct{}) (stopped bool) {
	const head, payload = 6, 125
	pongs := make([]byte, 0, 10*(head+payload))
	for range 10 {
		pongs = append(pongs, 0x8a, 0x80|payload, 0, 0, 0, 0) // FIN and pong; masked, by zeros
		pongs = append(pongs, make([]byte, payload)...)
	}
	for {
		if _, err := conn.Write(pongs); err != nil {
			return false
		}
		select {
		case <-time.After(105 * time.Millisecond):
		case <-stop:
			return true
		}
	}
}
