package wire

import "strconv"

// Session is the first frame of a rejoin.v1 connection.
type Session struct {
	Client ClientID
	// Token is the text of the resume token that is good from now on.
	Token string
	// Resumed is whether an earlier session goes on. Replay mailbox messages follow then; Superseded ones
	// were left out because later ones made them useless.
	Resumed            bool
	Replay, Superseded int
	// Reason is why a resume was refused, one of the Reason constants below; "" when none was asked for or it succeeded.
	Reason string
	// Peers is who is in the room now.
	Peers []SessionPeer
	// Undelivered is what was sent to peers whose window ended while this client was away.
	Undelivered []UndeliveredBy
	// UndeliveredCut: Undelivered is not all.
	UndeliveredCut bool
	// GraceMs is how long a lost connection is waited for, PingMs how often the server pings, in milliseconds.
	GraceMs, PingMs int64
	// MaxMessageBytes is the greatest length of a message, in bytes.
	MaxMessageBytes int
}

// Why a resume was refused.
const (
	ReasonExpired  = "expired"  // the grace window ended
	ReasonUnknown  = "unknown"  // no such session, or no token at all
	ReasonMismatch = "mismatch" // another room, role or secret, or a malformed position
	ReasonLost     = "lost"     // the position lies beyond what is stored
)

// SessionPeer is a client of the opposite role.
type SessionPeer struct {
	Client ClientID
	// Suspended is whether it lost its connection and its grace window runs.
	Suspended bool
	// User is what its token named, "" for none.
	User string
}

// UndeliveredBy is what a client that is gone never got. RequestIDs are JSON strings with their quotes.
type UndeliveredBy struct {
	Client     ClientID
	RequestIDs [][]byte
}

// AppendSession appends the first frame of a rejoin.v1 connection.
func AppendSession(dst []byte, s *Session) []byte {
	dst = append(dst, `{"info":"session","clientId":"`...)
	dst = s.Client.AppendText(dst)
	dst = append(dst, `","resumeToken":`...)
	dst = appendQuoted(dst, s.Token)
	dst = append(dst, `,"resumed":`...)
	dst = strconv.AppendBool(dst, s.Resumed)
	if s.Reason != "" {
		dst = append(dst, `,"reason":`...)
		dst = appendQuoted(dst, s.Reason)
	}
	if s.Resumed {
		dst = appendIntField(dst, `,"replay":`, int64(s.Replay))
		dst = appendIntField(dst, `,"superseded":`, int64(s.Superseded))
	}
	dst = append(dst, `,"peers":`...)
	dst = appendSessionPeers(dst, s.Peers)
	if len(s.Undelivered) > 0 {
		dst = append(dst, `,"undelivered":`...)
		dst = appendUndelivered(dst, s.Undelivered)
	}
	if s.UndeliveredCut {
		dst = append(dst, `,"undeliveredTruncated":true`...)
	}
	dst = appendIntField(dst, `,"graceMs":`, s.GraceMs)
	dst = appendIntField(dst, `,"pingMs":`, s.PingMs)
	dst = appendIntField(dst, `,"maxMessageBytes":`, int64(s.MaxMessageBytes))
	return append(dst, '}')
}

func appendSessionPeers(dst []byte, peers []SessionPeer) []byte {
	dst = append(dst, '[')
	for i, peer := range peers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"remoteClientId":"`...)
		dst = peer.Client.AppendText(dst)
		if peer.Suspended {
			dst = append(dst, `","state":"suspended"`...)
		} else {
			dst = append(dst, `","state":"live"`...)
		}
		dst = append(appendUser(dst, peer.User), '}')
	}
	return append(dst, ']')
}

func appendUndelivered(dst []byte, undelivered []UndeliveredBy) []byte {
	dst = append(dst, '[')
	for i, by := range undelivered {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"remoteClientId":"`...)
		dst = by.Client.AppendText(dst)
		dst = append(dst, `","requestIds":`...)
		dst = appendTokens(dst, by.RequestIDs)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// appendIntField appends a field that is a number; name comes with its comma, quotes and colon.
func appendIntField(dst []byte, name string, n int64) []byte {
	return strconv.AppendInt(append(dst, name...), n, 10)
}
