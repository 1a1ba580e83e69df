package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/pion/webrtc/v4"

	"github.com/rejoin-dev/rejoin/client"
)

// offer calls a client.
func (p *peer) offer(ctx context.Context, remote string) error {
	pc, err := p.connect(ctx, remote)
	if err != nil {
		return err
	}
	channel, err := pc.CreateDataChannel("rejoin", nil)
	if err != nil {
		return fmt.Errorf("new channel: %w", err)
	}
	p.attend(remote, channel)
	description, err := pc.CreateOffer(nil)
	if err != nil {
		return fmt.Errorf("make offer: %w", err)
	}
	return p.propose(ctx, remote, pc, description)
}

// propose sends a description, then sets it: its candidates are found from then on, and must not overtake it.
func (p *peer) propose(ctx context.Context, remote string, pc *webrtc.PeerConnection, d webrtc.SessionDescription) error {
	if err := p.post(ctx, remote, d.Type.String(), d); err != nil {
		return err
	}
	if err := pc.SetLocalDescription(d); err != nil {
		return fmt.Errorf("set own description: %w", err)
	}
	return nil
}

// post queues a message for a client; the SDK sends it, again if need be, and in order.
func (p *peer) post(ctx context.Context, remote, method string, payload any) error {
	text, err := json.Marshal(payload)
	if err != nil {
		return fmt.Errorf("encode %s: %w", method, err)
	}
	if _, err := p.client.Post(ctx, client.Message{Target: remote, Method: method, EncryptedPayload: string(text)}); err != nil {
		return fmt.Errorf("send %s: %w", method, err)
	}
	return nil
}

// receive acts on a message of a client.
func (p *peer) receive(ctx context.Context, d client.Data) error {
	switch d.Method {
	case "offer":
		offer, err := decode[webrtc.SessionDescription](d)
		if err != nil {
			return err
		}
		return p.answer(ctx, d.From, offer)
	case "answer":
		answer, err := decode[webrtc.SessionDescription](d)
		if err != nil {
			return err
		}
		return p.accept(d.From, answer)
	case "iceCandidate":
		candidate, err := decode[webrtc.ICECandidateInit](d)
		if err != nil {
			return err
		}
		return p.candidates(d.From, candidate)
	case "iceCandidates":
		list, err := decode[[]webrtc.ICECandidateInit](d)
		if err != nil {
			return err
		}
		return p.candidates(d.From, list...)
	}
	return fmt.Errorf("method %q: not known", d.Method)
}

// answer takes an offer: on the connection that there is if the offer goes on with it (an ICE restart, another channel),
// on a new one if the client began anew. Who calls is not called: offers that meet ours are left alone, the other side yields.
func (p *peer) answer(ctx context.Context, remote string, offer webrtc.SessionDescription) error {
	pc := p.link(remote)
	if pc != nil && pc.SignalingState() == webrtc.SignalingStateHaveLocalOffer {
		return nil
	}
	if pc == nil || !sameSession(pc.RemoteDescription(), &offer) {
		var err error
		if pc, err = p.connect(ctx, remote); err != nil {
			return err
		}
	}
	if err := pc.SetRemoteDescription(offer); err != nil {
		return fmt.Errorf("set offer: %w", err)
	}
	description, err := pc.CreateAnswer(nil)
	if err != nil {
		return fmt.Errorf("make answer: %w", err)
	}
	return p.propose(ctx, remote, pc, description)
}

// sameSession is whether two descriptions are of one RTCPeerConnection: their origins have the same id (RFC 8866 section 5.2).
func sameSession(a, b *webrtc.SessionDescription) bool {
	if a == nil {
		return false
	}
	x, errX := a.Unmarshal()
	y, errY := b.Unmarshal()
	return errX == nil && errY == nil && x.Origin.SessionID == y.Origin.SessionID
}

// accept takes the answer to our offer.
func (p *peer) accept(remote string, answer webrtc.SessionDescription) error {
	pc := p.link(remote)
	if pc == nil {
		return nil // it failed meanwhile
	}
	if err := pc.SetRemoteDescription(answer); err != nil {
		return fmt.Errorf("set answer: %w", err)
	}
	return nil
}

// candidates adds remote candidates. They follow the description they belong to.
func (p *peer) candidates(remote string, list ...webrtc.ICECandidateInit) error {
	pc := p.link(remote)
	if pc == nil || pc.RemoteDescription() == nil {
		return nil // of a connection that is no more, or of an offer that was left alone
	}
	for _, c := range list {
		if err := pc.AddICECandidate(c); err != nil {
			return fmt.Errorf("add candidate: %w", err)
		}
	}
	return nil
}

// decode reads a payload as a T.
func decode[T any](d client.Data) (payload T, err error) {
	if err := json.Unmarshal([]byte(d.Payload), &payload); err != nil {
		return payload, fmt.Errorf("decode %s: %w", d.Method, err)
	}
	return payload, nil
}
