package client

import (
	"encoding/json"
	"time"
)

// Event is what Next returns: one of the types in this file, by value.
type Event interface{ isEvent() }

// Connected reports that a plain connection is open. Everything starts over: peers in the room are announced again.
type Connected struct{}

// Session reports that a rejoin.v1 session is open on a new connection. Peers replaces everything known before.
type Session struct {
	ClientID string
	// Resumed: it is the earlier session and nothing was lost. Otherwise it is a fresh one with a
	// new ClientID, and Reason says why the earlier one could not be resumed ("" if there was none).
	Resumed bool
	Reason  string
	// Replay is how many messages from the mailbox follow, including ones already received.
	// Superseded is how many were omitted (rules S1.2 and S1.3).
	Replay, Superseded int
	Peers              []Peer
	// Undelivered lists messages to peers whose grace window ended while we were away.
	Undelivered []Undelivered
	// UndeliveredTruncated: there were more than the server keeps track of.
	UndeliveredTruncated bool
	Grace, Ping          time.Duration
	MaxMessageBytes      int
}

// Peer is a client in the room whose role is our Target and whose target is our Role.
type Peer struct {
	ID        string
	Suspended bool
	Role      string
	// User is who it is, according to its token; empty if the server asks for none.
	User string
}

// Undelivered lists our messages that a peer had not acknowledged when its session ended.
type Undelivered struct {
	Peer       string
	RequestIDs []string
}

// PeerAlreadyConnected announces a peer that was there before us (plain dialect).
type PeerAlreadyConnected struct{ ID string }

// PeerConnected announces a peer that has just joined. User is who it is, according to its token; empty if the server asks for none.
type PeerConnected struct{ ID, User string }

// PeerSuspended reports that a peer lost its connection. Messages to it are kept (rejoin.v1).
type PeerSuspended struct{ ID string }

// PeerResumed reports that a suspended peer is back (rejoin.v1).
type PeerResumed struct{ ID string }

// PeerDisconnected reports that a peer has left for good. Undelivered lists the request ids of our messages that it
// never acknowledged (rejoin.v1).
type PeerDisconnected struct {
	ID          string
	Undelivered []string
}

// Data is a message from a peer.
type Data struct {
	// ID is the mailbox entry; empty in the plain dialect.
	ID string
	// From is the peer's client id, or Operator.
	From      string
	RequestID string
	Method    string
	// Payload is what the peer sent as Message.EncryptedPayload, JSON what it sent as Message.JSON. The other of the two is empty.
	Payload string
	JSON    json.RawMessage
	// Raw is the whole message as the peer sent it, unknown fields included.
	Raw json.RawMessage

	entry   entryID
	session uint64
}

// Operator is Data.From in a message from the operator of the service (rule A3.2). It cannot be answered.
const Operator = "server"

// Expired reports that a message of ours will not be delivered: the peer did not acknowledge it within its TTL (rejoin.v1).
type Expired struct{ Peer, RequestID string }

// GoAway reports that the server asked us to move to another connection within In. The client does so by itself.
type GoAway struct {
	In time.Duration
	// Reason is "drain", "rotate" or, when our token is about to end, "auth".
	Reason string
}

// ICEServers lists the STUN and TURN servers to use from now on, if the operator has configured any. It comes after each Session and
// again before TTL has passed (rejoin.v1). Use it for new connections; established ones keep what they have.
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

// StoreReplaced reports that another Redis has taken over (rejoin.v1, rule R9.1). Doubtful lists the request IDs, oldest first and at
// most 64, of messages that were confirmed up to ten seconds before that or since: they may be lost.
type StoreReplaced struct{ Doubtful []string }

// Disconnected reports that the connection was lost. The client reconnects by itself.
type Disconnected struct{ Err error }

// Unknown is a message whose info this package does not know (rules P5.7, R1.7), or an answer that matches none of our messages.
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
func (Expired) isEvent()              {}
func (GoAway) isEvent()               {}
func (ICEServers) isEvent()           {}
func (StoreReplaced) isEvent()        {}
func (Disconnected) isEvent()         {}
func (Unknown) isEvent()              {}
