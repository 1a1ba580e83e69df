package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/pion/webrtc/v4"

	"github.com/rejoin-dev/rejoin/client"
)

// payload is what the Negotiation in web/client/src/negotiation.ts sends, as JSON.
type payload struct {
	From        string                     `json:"from"`            // names the sender's connection; a sender that starts over uses a new name
	To          string                     `json:"to,omitempty"`    // the receiver's connection, once known
	After       string                     `json:"after,omitempty"` // in a first offer: the last connection of ours that the sender knew
	Description *webrtc.SessionDescription `json:"description,omitempty"`
	Candidate   *webrtc.ICECandidateInit   `json:"candidate,omitempty"`
}

// offer calls a client.
func (p *peer) offer(ctx context.Context, remote string) error {
	l, err := p.connect(ctx, remote)
	if err != nil {
		return err
	}
	description, err := l.pc.CreateOffer(nil)
	if err != nil {
		return fmt.Errorf("make offer: %w", err)
	}
	return p.propose(ctx, l, description)
}

// propose sends a description before it sets it, because setting it starts gathering candidates, which must not overtake it.
func (p *peer) propose(ctx context.Context, l *link, d webrtc.SessionDescription) error {
	if err := p.post(ctx, l, d.Type.String(), payload{Description: &d}); err != nil {
		return err
	}
	if err := l.pc.SetLocalDescription(d); err != nil {
		return fmt.Errorf("set own description: %w", err)
	}
	return nil
}

// post queues a message for a client. The client package sends it in order, repeatedly if necessary.
func (p *peer) post(ctx context.Context, l *link, method string, s payload) error {
	s.From, s.To = l.ours, p.theirs(l)
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode %s: %w", method, err)
	}
	if _, err := p.client.Post(ctx, client.Message{Target: l.remote, Method: method, EncryptedPayload: string(text)}); err != nil {
		return fmt.Errorf("send %s: %w", method, err)
	}
	return nil
}

// receive handles a message from a client.
func (p *peer) receive(ctx context.Context, d client.Data) error {
	var s payload
	if err := json.Unmarshal([]byte(d.Payload), &s); err != nil {
		return fmt.Errorf("decode %s: %w", d.Method, err)
	}
	l := p.link(d.From)
	switch {
	case l != nil && s.To != "" && s.To != l.ours:
		return nil // meant for an earlier connection
	case s.Candidate != nil:
		return p.candidate(l, s)
	case s.Description == nil:
		return fmt.Errorf("%s: neither description nor candidate", d.Method)
	case s.Description.Type == webrtc.SDPTypeOffer:
		return p.answer(ctx, d.From, l, s)
	}
	return p.accept(l, s)
}

// answer accepts an offer: on the existing connection if the offer continues it (an ICE restart, another channel), or
// on a new one if the client started over. Of two offers that cross, the extension's wins.
func (p *peer) answer(ctx context.Context, remote string, l *link, s payload) error {
	known := ""
	if l != nil {
		known = p.theirs(l)
	}
	anew := l == nil || s.From != known && (known != "" || s.After == l.ours)
	if !anew && l.pc.SignalingState() == webrtc.SignalingStateHaveLocalOffer {
		if !p.polite {
			p.know(l, s.From)
			return nil
		}
		anew = true
	}
	if anew {
		var err error
		if l, err = p.connect(ctx, remote); err != nil {
			return err
		}
	}
	p.know(l, s.From)
	if err := l.pc.SetRemoteDescription(*s.Description); err != nil {
		return fmt.Errorf("set offer: %w", err)
	}
	description, err := l.pc.CreateAnswer(nil)
	if err != nil {
		return fmt.Errorf("make answer: %w", err)
	}
	return p.propose(ctx, l, description)
}

// accept handles the answer to our offer.
func (p *peer) accept(l *link, s payload) error {
	if l == nil || l.pc.SignalingState() != webrtc.SignalingStateHaveLocalOffer {
		return nil // it has failed in the meantime, or is already answered
	}
	p.know(l, s.From)
	if err := l.pc.SetRemoteDescription(*s.Description); err != nil {
		return fmt.Errorf("set answer: %w", err)
	}
	return nil
}

// candidate adds a remote candidate. It always comes after its description.
func (p *peer) candidate(l *link, s payload) error {
	if l == nil || s.From != p.theirs(l) || l.pc.RemoteDescription() == nil {
		return nil // for an earlier connection, or an ignored offer
	}
	if err := l.pc.AddICECandidate(*s.Candidate); err != nil {
		return fmt.Errorf("add candidate: %w", err)
	}
	return nil
}
