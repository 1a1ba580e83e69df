package client

import (
	"encoding/json"
	"fmt"
)

// Message is a message to a peer (rule P4).
type Message struct {
	// RequestID must be unique within the session (rule R3.7). If empty, one is generated.
	RequestID string
	// Method is "offer", "answer", "iceCandidate" or "iceCandidates".
	Method string
	// Target is the peer's client id.
	Target           string
	EncryptedPayload string
	// Extra holds further fields, which are relayed unchanged. The fields above win over ones with the same name.
	Extra map[string]any
}

func (m *Message) encode() ([]byte, error) {
	fields := map[string]any{}
	for name, value := range m.Extra {
		switch name {
		case "requestId", "method", "targetClientId", "encryptedPayload":
		default:
			fields[name] = value
		}
	}
	core, err := json.Marshal(struct {
		RequestID        string `json:"requestId"`
		Method           string `json:"method"`
		TargetClientID   string `json:"targetClientId"`
		EncryptedPayload string `json:"encryptedPayload"`
	}{m.RequestID, m.Method, m.Target, m.EncryptedPayload})
	if err != nil || len(fields) == 0 {
		return core, err
	}
	extra, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("encode extra fields: %w", err)
	}
	core[len(core)-1] = ',' // the two objects become one
	return append(core, extra[1:]...), nil
}
