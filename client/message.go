package client

import (
	"encoding/json"
	"fmt"
	"time"
)

// Message is a message to a peer (rules P4 and R11).
type Message struct {
	// RequestID must be unique within the session (rule R3.7). If empty, one is generated.
	RequestID string
	// Method is "offer", "answer", "iceCandidate" or "iceCandidates", or any other of a letter and up to 31 letters, digits and "_.-".
	// An offer supersedes earlier ones of the first four that wait; nothing supersedes another method (rules S1.2 and R11.2).
	Method string
	// Target is the peer's client id.
	Target string
	// EncryptedPayload is a string; peers that speak the plain dialect understand it too. JSON, if not nil, is sent instead, as encoding/json
	// encodes it. For a JSON null use json.RawMessage("null").
	EncryptedPayload string
	JSON             any
	// TTL, if not 0, is how long the message may take, from 1 ms to 1 h. After that it is not delivered any more, and Expired is reported.
	TTL time.Duration
	// Extra holds further fields, which are relayed unchanged. The fields above win over ones with the same name.
	Extra map[string]any
}

// core is a message without its further fields, in the order in which servers of all versions know them.
type core struct {
	RequestID        string  `json:"requestId"`
	Method           string  `json:"method"`
	TargetClientID   string  `json:"targetClientId"`
	EncryptedPayload *string `json:"encryptedPayload,omitempty"`
	JSON             any     `json:"payload,omitempty"`
	TTLMs            int64   `json:"ttlMs,omitempty"`
}

func (m *Message) encode() ([]byte, error) {
	c := core{RequestID: m.RequestID, Method: m.Method, TargetClientID: m.Target}
	if m.TTL != 0 {
		c.TTLMs = max(1, m.TTL.Milliseconds())
	}
	if m.JSON == nil {
		c.EncryptedPayload = &m.EncryptedPayload
	} else {
		raw, err := json.Marshal(m.JSON)
		if err != nil {
			return nil, fmt.Errorf("encode payload: %w", err)
		}
		c.JSON = json.RawMessage(raw) // an any is left out only when it is nil: 0, false and "" are payloads
	}
	data, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode fields: %w", err)
	}
	fields := map[string]any{}
	for name, value := range m.Extra {
		switch name {
		case "requestId", "method", "targetClientId", "encryptedPayload", "payload", "ttlMs":
		default:
			fields[name] = value
		}
	}
	if len(fields) == 0 {
		return data, nil
	}
	extra, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("encode extra fields: %w", err)
	}
	data[len(data)-1] = ',' // the two objects become one
	return append(data, extra[1:]...), nil
}
