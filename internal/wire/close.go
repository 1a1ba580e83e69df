package wire

// CloseCode is a WebSocket close code (RFC 6455 section 7.4, and the IANA registry it set up).
type CloseCode uint16

// The close codes that Rejoin sends or gives a meaning to.
const (
	CloseNormal         CloseCode = 1000 // a client that sends it ends its session
	CloseGoingAway      CloseCode = 1001 // starts the grace window: a page that reloads sends it
	CloseProtocolError  CloseCode = 1002
	CloseUnsupported    CloseCode = 1003 // bad connect parameters, see RefusedError
	CloseNoStatus       CloseCode = 1005 // a close frame without a code; never sent
	CloseInvalidPayload CloseCode = 1007 // not UTF-8
	ClosePolicy         CloseCode = 1008
	CloseTooBig         CloseCode = 1009
	CloseInternal       CloseCode = 1011 // retry
	CloseServiceRestart CloseCode = 1012 // going away, retry
	CloseTryAgainLater  CloseCode = 1013 // rate or overload, retry later

	CloseResumedElsewhere CloseCode = 4001 // a newer connection holds the session, do not retry
	CloseToken            CloseCode = 4003 // the token of the connection is not good any more, retry with a fresh one
	CloseRemoved          CloseCode = 4004 // the operator ended the session, do not retry
)

// The reasons that go with a close code. Those of CloseUnsupported stand beside ParseConnect.
const (
	ReasonRateLimit        = "rate limit hit, slow down"              // CloseTryAgainLater
	ReasonNotRegistered    = "could not handle connection, try again" // CloseInternal
	ReasonResumedElsewhere = "resumed elsewhere"                      // CloseResumedElsewhere
	ReasonTokenExpired     = "token expired"                          // CloseToken
	ReasonTokenRevoked     = "token revoked"                          // CloseToken
	ReasonRemoved          = "removed"                                // CloseRemoved
	ReasonGoingAway        = "going away, reconnect"                  // CloseServiceRestart
	ReasonTooBig           = "message too big"                        // CloseTooBig
	ReasonInvalidUTF8      = "invalid UTF-8"                          // CloseInvalidPayload
)
