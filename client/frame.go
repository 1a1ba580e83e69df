package client

import (
	"encoding/json"
	"fmt"
	"time"
)

// frame is any message from the server. Which fields are set depends on info.
type frame struct {
	Info           string          `json:"info"`
	RemoteClientID string          `json:"remoteClientId"`
	User           string          `json:"user"`
	RequestID      json.RawMessage `json:"requestId"`
	Data           json.RawMessage `json:"data"`
	ID             string          `json:"id"`
	Error          json.RawMessage `json:"error"`
	RetryInMs      int64           `json:"retryInMs"`
	ReconnectInMs  int64           `json:"reconnectInMs"`
	Reason         string          `json:"reason"`
	// Undelivered is an array of strings in remoteClientDisconnected, of objects in session.
	Undelivered          json.RawMessage `json:"undelivered"`
	UndeliveredTruncated bool            `json:"undeliveredTruncated"`

	ClientID    string `json:"clientId"`
	ResumeToken string `json:"resumeToken"`
	Resumed     bool   `json:"resumed"`
	Replay      int    `json:"replay"`
	Superseded  int    `json:"superseded"`
	Peers       []struct {
		RemoteClientID string `json:"remoteClientId"`
		State          string `json:"state"`
		User           string `json:"user"`
	} `json:"peers"`
	GraceMs         int64 `json:"graceMs"`
	PingMs          int64 `json:"pingMs"`
	MaxMessageBytes int   `json:"maxMessageBytes"`

	ICEServers []ICEServer `json:"iceServers"`
	TTLSeconds int64       `json:"ttlSeconds"`

	AgoMs int64 `json:"agoMs"`
}

// Values of info that the client handles.
const (
	infoSession          = "session"
	infoData             = "remoteData"
	infoAlreadyConnected = "remoteClientIsAlreadyConnected"
	infoJustConnected    = "remoteClientJustConnected"
	infoSuspended        = "remoteClientSuspended"
	infoResumed          = "remoteClientResumed"
	infoDisconnected     = "remoteClientDisconnected"
	infoConfirmation     = "confirmation"
	infoMissing          = "missingRemoteClientError"
	infoMailboxFull      = "mailboxFullError"
	infoRetry            = "retryError"
	infoValidation       = "validationError"
	infoUndelivered      = "undelivered"
	infoGoAway           = "goAway"
	infoICEServers       = "iceServers"
	infoStoreReplaced    = "storeReplaced"
)

func parseFrame(raw []byte) (*frame, error) {
	f := new(frame)
	if err := json.Unmarshal(raw, f); err != nil {
		return nil, fmt.Errorf("decode message: %w", err)
	}
	return f, nil
}

// requestID is the request id as text, or empty if it is not a string.
func (f *frame) requestID() string {
	var id string
	_ = json.Unmarshal(f.RequestID, &id) // not a string: not one of our messages
	return id
}

// session turns a session frame into its event. role is that of the peers.
func (f *frame) session(role string) (Session, error) {
	s := Session{
		ClientID: f.ClientID, Resumed: f.Resumed, Reason: f.Reason, Replay: f.Replay, Superseded: f.Superseded,
		Peers: make([]Peer, 0, len(f.Peers)),
		Grace: millis(f.GraceMs), Ping: millis(f.PingMs), MaxMessageBytes: f.MaxMessageBytes,
		UndeliveredTruncated: f.UndeliveredTruncated,
	}
	for _, p := range f.Peers {
		s.Peers = append(s.Peers, Peer{ID: p.RemoteClientID, Suspended: p.State == "suspended", Role: role, User: p.User})
	}
	if f.Undelivered == nil {
		return s, nil
	}
	var lists []struct {
		RemoteClientID string   `json:"remoteClientId"`
		RequestIDs     []string `json:"requestIds"`
	}
	if err := json.Unmarshal(f.Undelivered, &lists); err != nil {
		return s, fmt.Errorf("decode undelivered: %w", err)
	}
	for _, l := range lists {
		s.Undelivered = append(s.Undelivered, Undelivered{Peer: l.RemoteClientID, RequestIDs: l.RequestIDs})
	}
	return s, nil
}

// message turns a remoteData frame into its event.
func (f *frame) message() (Data, error) {
	var inner struct {
		Method  string          `json:"method"`
		Payload string          `json:"encryptedPayload"`
		JSON    json.RawMessage `json:"payload"`
	}
	if err := json.Unmarshal(f.Data, &inner); err != nil {
		return Data{}, fmt.Errorf("decode data: %w", err)
	}
	d := Data{
		ID: f.ID, From: f.RemoteClientID, RequestID: f.requestID(),
		Method: inner.Method, Payload: inner.Payload, JSON: inner.JSON, Raw: f.Data,
	}
	if f.ID == "" {
		return d, nil
	}
	id, ok := parseEntryID(f.ID)
	if !ok {
		return Data{}, fmt.Errorf("decode data: %q is no entry ID", f.ID)
	}
	d.entry = id
	return d, nil
}

// disconnected turns a remoteClientDisconnected frame into its event.
func (f *frame) disconnected() (PeerDisconnected, error) {
	e := PeerDisconnected{ID: f.RemoteClientID}
	if f.Undelivered == nil {
		return e, nil
	}
	if err := json.Unmarshal(f.Undelivered, &e.Undelivered); err != nil {
		return e, fmt.Errorf("decode undelivered: %w", err)
	}
	return e, nil
}

// millis converts milliseconds, capped at 30 years so that large values do not overflow Duration.
func millis(ms int64) time.Duration {
	const most = 1 << 40
	return time.Duration(min(max(ms, -most), most)) * time.Millisecond
}
