package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/rejoin-dev/rejoin/client"
)

// iceServersWait is how long a call waits for the ICE servers. If there are any, they follow the session frame immediately.
const iceServersWait = 200 * time.Millisecond

// peer holds WebRTC connections with the clients of a room, at most one with each.
type peer struct {
	// static
	client *client.Client
	api    *webrtc.API
	log    *slog.Logger
	call   bool                                                 // make offers
	polite bool                                                 // of two offers that cross, withdraw ours
	policy webrtc.ICETransportPolicy                            // which candidates to use
	opened func(*webrtc.DataChannel)                            // called when a channel opens
	heard  func(*webrtc.DataChannel, webrtc.DataChannelMessage) // called with each message
	seen   func(client.Event)                                   // called with each event first; may be nil

	// owned by run
	iceServers []webrtc.ICEServer
	waiting    []string // clients to call as soon as the ICE servers are known

	mu    sync.Mutex
	links map[string]*link // by the client they are with; guarded by mu
}

// newPeer returns a peer that answers calls and echoes what it receives.
func newPeer(c *client.Client, api *webrtc.API, log *slog.Logger) *peer {
	p := &peer{client: c, api: api, log: log, links: map[string]*link{}}
	p.opened = func(*webrtc.DataChannel) {}
	p.heard = p.echo
	return p
}

// run handles events until ctx or the client ends, then closes all connections. It logs messages that it cannot handle.
func (p *peer) run(ctx context.Context) error {
	defer p.hangUp()
	for {
		ev, err := p.next(ctx)
		if err != nil {
			return err
		}
		if p.seen != nil && ev != nil {
			p.seen(ev)
		}
		if err := p.handle(ctx, ev); err != nil {
			p.log.Warn("event not handled", "type", fmt.Sprintf("%T", ev), "error", err)
		}
	}
}

// next returns the next event, or nil when a call has waited long enough for the ICE servers.
func (p *peer) next(ctx context.Context) (client.Event, error) {
	if len(p.waiting) == 0 {
		return p.client.Next(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, iceServersWait)
	defer cancel()
	ev, err := p.client.Next(limited)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, nil
	}
	return ev, err
}

func (p *peer) handle(ctx context.Context, ev client.Event) error {
	switch ev := ev.(type) {
	case client.Session:
		p.log.Info("session", "resumed", ev.Resumed, "peers", len(ev.Peers), "replay", ev.Replay)
		for _, remote := range ev.Peers {
			p.waiting = append(p.waiting, remote.ID)
		}
		return nil
	case client.ICEServers:
		p.iceServers = nil
		for _, s := range ev.Servers {
			p.iceServers = append(p.iceServers, webrtc.ICEServer{URLs: s.URLs, Username: s.Username, Credential: s.Credential})
		}
	case client.PeerConnected:
		p.waiting = append(p.waiting, ev.ID)
	case client.Data:
		return p.receive(ctx, ev)
	}
	return p.callWaiting(ctx)
}

// callWaiting calls the waiting clients, except those that already have a connection.
func (p *peer) callWaiting(ctx context.Context) error {
	var errs []error
	for _, remote := range p.waiting {
		if p.call && p.link(remote) == nil {
			errs = append(errs, p.offer(ctx, remote))
		}
	}
	p.waiting = nil
	return errors.Join(errs...)
}

// attend sets a channel's handlers before anything can arrive on it.
func (p *peer) attend(remote string, channel *webrtc.DataChannel) {
	channel.OnOpen(func() {
		p.log.Info("channel open", "with", short(remote), "label", channel.Label())
		p.opened(channel)
	})
	channel.OnMessage(func(m webrtc.DataChannelMessage) {
		p.log.Info("received", "with", short(remote), "bytes", len(m.Data))
		p.heard(channel, m)
	})
}

// echo sends a message back, unless this side made the call: then it would bounce forever.
func (p *peer) echo(channel *webrtc.DataChannel, m webrtc.DataChannelMessage) {
	if p.call {
		return
	}
	send := channel.Send
	if m.IsString {
		send = func(b []byte) error { return channel.SendText(string(b)) }
	}
	if err := send(m.Data); err != nil {
		p.log.Warn("not echoed", "error", err)
	}
}

func (p *peer) say(channel *webrtc.DataChannel, text string) {
	if err := channel.SendText(text); err != nil {
		p.log.Warn("not said", "error", err)
	}
}

// hangUp closes all connections and returns when they are gone.
func (p *peer) hangUp() {
	p.mu.Lock()
	links := p.links
	p.links = map[string]*link{}
	p.mu.Unlock()
	for _, l := range links {
		_ = l.pc.GracefulClose()
	}
}

// short cuts a client ID to what a log needs.
func short(id string) string { return id[:min(len(id), 8)] }
