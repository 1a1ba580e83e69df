package wire

// PeerInfo is what a client is told of another one.
type PeerInfo byte

// What there is to tell. Suspended and Resumed are for rejoin.v1 only.
const (
	AlreadyConnected PeerInfo = iota + 1 // it was in the room before
	JustConnected                        // it came into the room
	Suspended                            // it lost its connection: its grace window runs
	Resumed                              // it is back
	Disconnected                         // it left, or its grace window ended
)

// String returns the info field of the message.
func (p PeerInfo) String() string {
	switch p {
	case AlreadyConnected:
		return "remoteClientIsAlreadyConnected"
	case JustConnected:
		return "remoteClientJustConnected"
	case Suspended:
		return "remoteClientSuspended"
	case Resumed:
		return "remoteClientResumed"
	case Disconnected:
		return "remoteClientDisconnected"
	}
	return "unknown"
}

// AppendPeer appends what there is to tell of the peer id.
func AppendPeer(dst []byte, info PeerInfo, id ClientID) []byte {
	return append(appendPeer(dst, info, id), '}')
}

// AppendJoined appends that the peer id came into the room, and with which user its token named, if that is not "". For rejoin.v1 only.
func AppendJoined(dst []byte, id ClientID, user string) []byte {
	dst = appendPeer(dst, JustConnected, id)
	return append(appendUser(dst, user), '}')
}

// appendUser appends a field behind another one, nothing for "".
func appendUser(dst []byte, user string) []byte {
	if user == "" {
		return dst
	}
	return appendQuoted(append(dst, `,"user":`...), user)
}

// AppendDisconnected appends that the peer id is gone, with the request IDs (JSON strings with their quotes) of
// what it will never get. The field is left out when there are none; a plain client is told none.
func AppendDisconnected(dst []byte, id ClientID, undelivered [][]byte) []byte {
	dst = appendPeer(dst, Disconnected, id)
	if len(undelivered) > 0 {
		dst = append(dst, `,"undelivered":`...)
		dst = appendTokens(dst, undelivered)
	}
	return append(dst, '}')
}

// appendPeer appends what there is to tell without its closing brace.
func appendPeer(dst []byte, info PeerInfo, id ClientID) []byte {
	dst = append(dst, `{"info":"`...)
	dst = append(dst, info.String()...)
	dst = append(dst, `","remoteClientId":"`...)
	dst = id.AppendText(dst)
	return append(dst, '"')
}
