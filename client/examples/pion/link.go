package main

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/pion/webrtc/v4"
)

// link is a WebRTC connection with a client.
type link struct {
	// static
	remote string // the client
	ours   string // our name for this connection
	pc     *webrtc.PeerConnection

	theirs string // the client's name for it, empty until known; guarded by peer.mu
}

func (p *peer) link(remote string) *link {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.links[remote]
}

func (p *peer) theirs(l *link) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return l.theirs
}

// know records the client's name for the connection.
func (p *peer) know(l *link, theirs string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.theirs = theirs
}

// connect makes a new connection with a client, with a data channel, and closes an older one.
func (p *peer) connect(ctx context.Context, remote string) (*link, error) {
	pc, err := p.api.NewPeerConnection(webrtc.Configuration{ICEServers: p.iceServers, ICETransportPolicy: p.policy})
	if err != nil {
		return nil, fmt.Errorf("new connection: %w", err)
	}
	l := &link{remote: remote, ours: rand.Text(), pc: pc}
	p.mu.Lock()
	older := p.links[remote]
	p.links[remote] = l
	p.mu.Unlock()
	if older != nil {
		_ = older.pc.Close()
	}
	p.watch(ctx, l)
	negotiated, id := true, uint16(0) // each side creates it, as the demo page does, so either side may offer
	channel, err := pc.CreateDataChannel("rejoin", &webrtc.DataChannelInit{Negotiated: &negotiated, ID: &id})
	if err != nil {
		return nil, fmt.Errorf("new channel: %w", err)
	}
	p.attend(remote, channel)
	return l, nil
}

// watch handles the connection's events.
func (p *peer) watch(ctx context.Context, l *link) {
	l.pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c == nil {
			return // that was the last candidate
		}
		candidate := c.ToJSON()
		if err := p.post(ctx, l, "iceCandidate", payload{Candidate: &candidate}); err != nil {
			p.log.Debug("candidate not sent", "error", err)
		}
	})
	l.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		p.log.Info("connection", "with", short(l.remote), "state", s)
		if s == webrtc.PeerConnectionStateFailed {
			p.forget(l)
			_ = l.pc.Close()
		}
	})
	l.pc.OnDataChannel(func(channel *webrtc.DataChannel) { p.attend(l.remote, channel) })
}

func (p *peer) forget(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.links[l.remote] == l {
		delete(p.links, l.remote)
	}
}
