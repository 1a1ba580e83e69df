package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"strconv"
	"time"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/tools/verify/faultproxy"
)

// candidates are sent while the wallet is away.
const candidates = 5

// fault cuts the wallet off.
type fault struct {
	name string
	cut  func(context.Context, story, *faultproxy.Proxy) error
}

var (
	silence = fault{"silent", func(_ context.Context, _ story, p *faultproxy.Proxy) error {
		p.Silence()
		p.PassNew()
		return nil
	}}
	reset   = fault{"reset", func(_ context.Context, _ story, p *faultproxy.Proxy) error { p.Reset(); return nil }}
	command = fault{"command", func(ctx context.Context, s story, _ *faultproxy.Proxy) error {
		if text, err := exec.CommandContext(ctx, "sh", "-c", s.cut).CombinedOutput(); err != nil {
			return fmt.Errorf("run %s: %w: %s", s.cut, err, text)
		}
		return nil
	}}
)

// story: extension and wallet meet, offer and answer pass, the wallet is cut off, candidates are confirmed meanwhile, the
// wallet comes back on another connection and has them all, once and in order.
type story struct {
	target
	fault fault
	plain bool
}

func (s story) dialect() string {
	if s.plain {
		return "plain"
	}
	return "rejoin.v1"
}

// participant is a client, and how often it took its session up again.
type participant struct {
	*client.Client

	resumed int
}

func (s story) tell(ctx context.Context) error {
	proxy, err := s.proxy()
	if err != nil {
		return err
	}
	defer proxy.Close()
	room := make([]byte, 32)
	_, _ = rand.Read(room) // never fails
	cfg := client.Config{Room: hex.EncodeToString(room), Plain: s.plain, Backoff: client.Backoff{Min: 50 * time.Millisecond, Max: time.Second}}

	cfg.Source, cfg.URL = client.Extension, s.url
	extension, err := join(ctx, cfg)
	if err != nil {
		return err
	}
	defer extension.Abort()
	cfg.Source, cfg.Reconnect, cfg.HTTPClient = client.Wallet, true, via(proxy)
	cfg.Silence = time.Second // how soon the wallet itself notices
	wallet, err := join(ctx, cfg)
	if err != nil {
		return err
	}
	defer wallet.Abort()
	if err := s.exchange(ctx, extension, wallet, proxy); err != nil {
		return err
	}
	if !s.plain && extension.resumed+wallet.resumed == 0 {
		return errors.New("no client was cut off")
	}
	return nil
}

func join(ctx context.Context, cfg client.Config) (*participant, error) {
	c, err := client.Dial(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect as %s: %w", cfg.Source, err)
	}
	return &participant{Client: c}, nil
}

func (s story) exchange(ctx context.Context, extension, wallet *participant, proxy *faultproxy.Proxy) error {
	walletID, err := meet(ctx, extension)
	if err != nil {
		return err
	}
	extensionID, err := meet(ctx, wallet)
	if err != nil {
		return err
	}
	if err := pass(ctx, extension, wallet, client.Message{Target: walletID, Method: "offer", EncryptedPayload: "offer"}); err != nil {
		return err
	}
	if err := pass(ctx, wallet, extension, client.Message{Target: extensionID, Method: "answer", EncryptedPayload: "answer"}); err != nil {
		return err
	}
	if err := s.fault.cut(ctx, s, proxy); err != nil {
		return err
	}
	for i := range candidates {
		m := client.Message{Target: walletID, Method: "iceCandidate", EncryptedPayload: strconv.Itoa(i)}
		if err := extension.Send(ctx, m); err != nil {
			return fmt.Errorf("send candidate %d: %w", i, err)
		}
	}
	for i := range candidates {
		if err := receive(ctx, wallet, strconv.Itoa(i)); err != nil {
			return fmt.Errorf("candidate %d of %d: %w", i, candidates, err)
		}
	}
	// One more each way: nothing came twice, and the wallet is still who it was.
	if err := pass(ctx, extension, wallet, client.Message{Target: walletID, Method: "iceCandidate", EncryptedPayload: "last"}); err != nil {
		return err
	}
	return pass(ctx, wallet, extension, client.Message{Target: extensionID, Method: "iceCandidate", EncryptedPayload: "mine"})
}

func (s story) proxy() (*faultproxy.Proxy, error) {
	u, err := url.Parse(s.url)
	if err != nil || u.Host == "" {
		return nil, errors.New("want a URL like ws://localhost:4000")
	}
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), map[string]string{"ws": "80", "wss": "443"}[u.Scheme])
	}
	p, err := faultproxy.Listen(host)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return p, nil
}

// via makes requests through the proxy, whatever their URL says; a certificate is still that of the URL.
func via(p *faultproxy.Proxy) *http.Client {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, p.Addr())
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
}

// pass sends a message and checks that it is the next one to arrive.
func pass(ctx context.Context, from, to *participant, m client.Message) error {
	if err := from.Send(ctx, m); err != nil {
		return fmt.Errorf("send %s: %w", m.Method, err)
	}
	return receive(ctx, to, m.EncryptedPayload)
}

func receive(ctx context.Context, c *participant, want string) error {
	for {
		ev, err := c.Next(ctx)
		if err != nil {
			return fmt.Errorf("wait for %q: %w", want, err)
		}
		switch ev := ev.(type) {
		case client.Data:
			if ev.Payload != want {
				return fmt.Errorf("got %q, want %q", ev.Payload, want)
			}
			return nil
		case client.Session:
			if ev.Resumed {
				c.resumed++
			}
		case client.PeerDisconnected:
			return errors.New("was told that the peer left")
		}
	}
}

// meet returns the id of the other side, however it is announced.
func meet(ctx context.Context, c *participant) (string, error) {
	for {
		ev, err := c.Next(ctx)
		if err != nil {
			return "", fmt.Errorf("wait for the peer: %w", err)
		}
		switch ev := ev.(type) {
		case client.PeerConnected:
			return ev.ID, nil
		case client.PeerAlreadyConnected:
			return ev.ID, nil
		case client.Session:
			if len(ev.Peers) > 0 {
				return ev.Peers[0].ID, nil
			}
		}
	}
}
