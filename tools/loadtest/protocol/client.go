package protocol

import (
	"fmt"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// Conn is a client's current connection.
type Conn interface {
	// Send queues a text message.
	Send(text []byte)
}

// Client is one of two in a room. It is not safe for concurrent use.
type Client interface {
	// Upgrade returns the request for the next connection, to a server at host:port.
	Upgrade(host string) []byte
	// Opened says what comes first once an upgrade was accepted.
	Opened(c Conn)
	// Read takes a message from the server. now is in nanoseconds, as for Tick.
	Read(c Conn, text []byte, now int64, to Listener)
	// Send sends a message to the other one in the room. The same stamp makes the same message.
	Send(c Conn, s traffic.Stamp)
	// Tick does what is due some time after a message came.
	Tick(c Conn, now int64)
}

// Listener is told what a server says.
type Listener interface {
	// Ready is called when messages can be sent: once for each connection, and again after Unready.
	Ready(Continuity)
	// Unready is called when the other one has gone, and with it what was sent to it.
	Unready()
	// Message is called for each message of the other one.
	Message(traffic.Stamp)
	// Confirmed is called when a message is stored, or published.
	Confirmed(traffic.Stamp)
	// Refused is called when a message was not stored. It is to be sent again after retry; a negative retry means never.
	Refused(s traffic.Stamp, retry time.Duration)
	// GoAway is called when the server asks for another connection within some time. This one works until that one is there.
	GoAway(within time.Duration)
	// Unexpected is called for what should not have come. text is valid during the call.
	Unexpected(text []byte)
}

// Continuity says what a connection is to the one before it.
type Continuity uint8

const (
	// Fresh is the first connection of a client.
	Fresh Continuity = iota
	// Resumed means that the server says it has replayed what the client missed, or will.
	Resumed
	// Broken means that the server could not resume: what the client missed is lost.
	Broken
)

// Name of a protocol, as in a command line.
type Name string

// The protocols. In PlainWallet the wallets are plain and the extensions speak rejoin.v1.
const (
	RejoinV1    Name = "rejoin.v1"
	PlainWallet Name = "plain-wallet"
	Plain       Name = "plain"
	SocketIO    Name = "socket.io"
	Centrifugo  Name = "centrifugo"
)

// Parse checks a name.
func Parse(s string) (Name, error) {
	for _, n := range []Name{RejoinV1, PlainWallet, Plain, SocketIO, Centrifugo} {
		if s == string(n) {
			return n, nil
		}
	}
	return "", fmt.Errorf("protocol %q: want %s, %s, %s, %s or %s", s, RejoinV1, PlainWallet, Plain, SocketIO, Centrifugo)
}

// Of is the protocol of a dialect.
func Of(d traffic.Dialect) Name {
	if d == traffic.RejoinV1 {
		return RejoinV1
	}
	return Plain
}

// New returns a client of the i-th room of a run. letters, of the same role, may be shared by clients of one goroutine.
func New(n Name, run string, room int, role traffic.Role, letters *traffic.Letters) Client {
	switch n {
	case SocketIO:
		return &socketIO{room: fmt.Sprintf("%s-%d", run, room), role: role, letters: letters}
	case Centrifugo:
		return &centrifugo{room: fmt.Sprintf("%s-%d", run, room), role: role, letters: letters}
	case RejoinV1:
		return &rejoin{target: traffic.Target(run, room, role), letters: letters, v1: true}
	case PlainWallet:
		return &rejoin{target: traffic.Target(run, room, role), letters: letters, v1: role == traffic.Extension}
	default:
		return &rejoin{target: traffic.Target(run, room, role), letters: letters}
	}
}

// noTarget is the target of messages in protocols that do not name it in the message.
var noTarget [36]byte

func init() {
	for i := range noTarget {
		noTarget[i] = '0'
	}
}
