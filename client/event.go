package client

import (
	"encoding/json"
	"time"
)

// Event is what Next returns: one of the types of this file, by value.
type Event interface{ isEvent() }

// Connected says that a plain connection is open. It begins everything anew: peers that are there are announced again.
type Connected struct{}

// Session says that a rejoin.v1 session is open on a new connection. Peers replaces all that was known of them.
type Session struct {
	ClientID string
	// Resumed: the session is the one from before, nothing was lost. Otherwise it is a fresh one, under a
	// new ClientID, and Reason says why an earlier one could not be resumed ("" when there was none).
	Resumed bool
	Reason  string
	// Replay is how many messages from the mailbox follow, those that were received already included;
	// Superseded how many were left out (rules S1.2 and S1.3).
	Replay, Superseded int
	Peers              []Peer
	// Undelivered lists messages to peers whose grace window ended while we were away.
	Undelivered []Undelivered
	// UndeliveredTruncated: there were more than the server keeps.
	UndeliveredTruncated bool
	Grace, Ping          time.Duration
	MaxMessageBytes      int
}

// Peer is a client of the opposite role in the room.
type Peer struct {
	ID        string
	Suspended bool
}

// Undelivered names messages of ours that a peer never acknowledged before its session ended.
type Undelivered struct {
	Peer       string
	RequestIDs []string
}

// PeerAlreadyConnected announces a peer that was there before us (plain dialect).
type PeerAlreadyConnected struct{ ID string }

// PeerConnected announces a peer that just joined.
type PeerConnected struct{ ID string }

// PeerSuspended says that a peer lost its connection; messages to it are kept (rejoin.v1).
type PeerSuspended struct{ ID string }

// PeerResumed says that a suspended peer is back (rejoin.v1).
type PeerResumed struct{ ID string }

// PeerDisconnected says that a peer has left for good. Undelivered names those of our messages, by request id, that it
// never acknowledged (rejoin.v1).
type PeerDisconnected struct {
	ID          string
	Undelivered []string
}

// Data is a message from a peer.
type Data struct {
	// ID is the mailbox entry; empty in the plain dialect.
	ID        string
	From      string
	RequestID string
	Method    string
	Payload   string
	// Raw is the whole message as the peer sent it, unknown fields included.
	Raw json.RawMessage

	entry   entryID
	session uint64
}

// GoAway says that the server asked to move to another connection within In; the client does so by itself.
type GoAway struct {
	In     time.Duration
	Reason string
}

// ICEServers lists the STUN and TURN servers to use from now on, where the operator has set some: after each Session, and
// again before TTL has passed (rejoin.v1). Give them to the next connection; one that is up keeps those it has.
type ICEServers struct {
	Servers []ICEServer
	TTL     time.Duration
}

// ICEServer is an RTCIceServer (W3C WebRTC 1.0, section 4.2.4). Username and Credential are empty for STUN.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username"`
	Credential string   `json:"credential"`
}

// StoreReplaced says that another Redis has taken the place of the one before (rejoin.v1, rule R9.1). Doubtful lists, by request ID and
// oldest first, the messages that were confirmed within ten seconds before that or since, at most 64: they may be lost.
type StoreReplaced struct{ Doubtful []string }

// Disconnected says that the connection was lost. The client is going to come back by itself.
type Disconnected struct{ Err error }

// Unknown is a message whose info this package does not know (rules P5.7, R1.7), or an answer that belongs to no message of ours.
type Unknown struct {
	Info string
	Raw  json.RawMessage
}

func (Connected) isEvent()            {}
func (Session) isEvent()              {}
func (PeerAlreadyConnected) isEvent() {}
func (PeerConnected) isEvent()        {}
func (PeerSuspended) isEvent()        {}
func (PeerResumed) isEvent()          {}
func (PeerDisconnected) isEvent()     {}
func (Data) isEvent()                 {}
func (GoAway) isEvent()               {}
func (ICEServers) isEvent()           {}
func (StoreReplaced) isEvent()        {}
func (Disconnected) isEvent()         {}
func (Unknown) isEvent()              {}
