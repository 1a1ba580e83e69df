package wire

import "strconv"

// server stands for the sender's ID in what comes from the operator.
const server = "server"

// AppendRemoteData appends a peer's message to its target, or with the zero from the operator's. Data is the whole message as compact JSON, requestID a JSON
// string with its quotes. A zero id, as for a plain client, leaves the field out.
func AppendRemoteData(dst, data []byte, from ClientID, requestID []byte, id EntryID) []byte {
	dst = append(dst, `{"info":"remoteData","data":`...)
	dst = append(dst, data...)
	dst = append(dst, `,"remoteClientId":"`...)
	if from.IsZero() {
		dst = append(dst, server...)
	} else {
		dst = from.AppendText(dst)
	}
	dst = append(dst, `","requestId":`...)
	dst = append(dst, requestID...)
	if !id.IsZero() {
		dst = append(dst, `,"id":"`...)
		dst = id.AppendText(dst)
		dst = append(dst, '"')
	}
	return append(dst, '}')
}

// AppendConfirmation appends the answer to a message that is stored in the mailbox of its target.
func AppendConfirmation(dst, requestID []byte) []byte {
	return appendAnswer(dst, `{"info":"confirmation","requestId":`, requestID)
}

// AppendMissingRemoteClient appends the answer to a message whose target is not in the room. A plain client gets
// it wherever a rejoin.v1 client gets an answer that a plain one does not know.
func AppendMissingRemoteClient(dst, requestID []byte) []byte {
	return appendAnswer(dst, `{"info":"missingRemoteClientError","requestId":`, requestID)
}

// AppendMailboxFull appends the answer to a message whose target has too much waiting. For rejoin.v1 only.
func AppendMailboxFull(dst, requestID []byte) []byte {
	return appendAnswer(dst, `{"info":"mailboxFullError","requestId":`, requestID)
}

// AppendRetry appends the answer to a message that could not be stored for now: the same message is to be
// sent again after so many milliseconds. For rejoin.v1 only.
func AppendRetry(dst, requestID []byte, retryInMs int) []byte {
	dst = append(dst, `{"info":"retryError","requestId":`...)
	dst = append(dst, requestID...)
	dst = append(dst, `,"retryInMs":`...)
	dst = strconv.AppendInt(dst, int64(retryInMs), 10)
	return append(dst, '}')
}

// AppendUndelivered appends that a message has not been acknowledged by its receiver within its ttlMs, and is not delivered any more.
// For rejoin.v1 only.
func AppendUndelivered(dst, requestID []byte, to ClientID) []byte {
	dst = append(dst, `{"info":"undelivered","requestId":`...)
	dst = append(dst, requestID...)
	dst = append(dst, `,"remoteClientId":"`...)
	dst = to.AppendText(dst)
	return append(dst, `","reason":"expired"}`...)
}

// appendAnswer appends an answer that holds nothing but a request ID.
func appendAnswer(dst []byte, head string, requestID []byte) []byte {
	dst = append(dst, head...)
	dst = append(dst, requestID...)
	return append(dst, '}')
}

// AppendGoAway appends the request to leave and come back elsewhere, within so many milliseconds. The reason is
// one of the GoAway constants. For rejoin.v1 only.
func AppendGoAway(dst []byte, reconnectInMs int64, reason string) []byte {
	dst = append(dst, `{"info":"goAway","reconnectInMs":`...)
	dst = strconv.AppendInt(dst, reconnectInMs, 10)
	dst = append(dst, `,"reason":`...)
	dst = appendQuoted(dst, reason)
	return append(dst, '}')
}

// AppendStoreReplaced appends the notice that Redis was replaced by a copy, so long ago. For rejoin.v1 only.
func AppendStoreReplaced(dst []byte, agoMs int64) []byte {
	dst = append(dst, `{"info":"storeReplaced","agoMs":`...)
	dst = strconv.AppendInt(dst, agoMs, 10)
	return append(dst, '}')
}

// Why a client is asked to go away.
const (
	GoAwayDrain  = "drain"  // this instance shuts down
	GoAwayRotate = "rotate" // the platform is about to cut the connection for its age
	GoAwayAuth   = "auth"   // the token of the connection is about to expire: come back with a fresh one
)

// appendTokens appends JSON tokens as an array.
func appendTokens(dst []byte, tokens [][]byte) []byte {
	dst = append(dst, '[')
	for i, token := range tokens {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, token...)
	}
	return append(dst, ']')
}
