package protocol

import (
	"bytes"
	"strconv"

	"github.com/rejoin-dev/rejoin/tools/loadtest/swarm"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// socketIO is a client of the Socket.IO server in peers/socketio: Engine.IO protocol 4 over WebSocket, Socket.IO protocol 5. As the
// JavaScript client does, it acknowledges nothing and offers the private session ID and the last offset when it comes back.
type socketIO struct {
	room    string
	role    traffic.Role
	letters *traffic.Letters

	pid    string // private session ID; empty before the first connection
	offset string // of the last event
	acks   uint64 // asked for so far
	asked  []pending
	out    []byte
}

// pending is an event whose acknowledgement is to come.
type pending struct {
	id    uint64
	stamp traffic.Stamp
}

// Packets: an Engine.IO type, for messages with a Socket.IO type behind it.
const (
	sioOpen    = '0'
	sioPing    = "2"
	sioPong    = "3"
	sioConnect = "40"
	sioEvent   = "42"
	sioAck     = "43"
	sioRefused = "44"
)

func (x *socketIO) Upgrade(host string) []byte {
	return swarm.Request(host, "/socket.io/?EIO=4&transport=websocket&room="+x.room+"&role="+x.role.String(), "")
}

// Opened says nothing: the server speaks first.
func (x *socketIO) Opened(Conn) { x.asked = x.asked[:0] }

func (x *socketIO) Read(c Conn, b []byte, _ int64, to Listener) {
	switch {
	case string(b) == sioPing:
		c.Send([]byte(sioPong))
	case len(b) > 0 && b[0] == sioOpen:
		hello := []byte(sioConnect)
		if x.pid != "" {
			hello = append(hello, `{"pid":"`+x.pid+`","offset":"`+x.offset+`"}`...)
		}
		c.Send(hello)
	case bytes.HasPrefix(b, []byte(sioConnect)):
		x.connected(b, to)
	case bytes.HasPrefix(b, []byte(sioEvent)):
		x.event(b, to)
	case bytes.HasPrefix(b, []byte(sioAck)):
		x.ack(b, to)
	default: // 41 is a goodbye and 44 a refusal
		to.Unexpected(b)
	}
}

// connected takes the answer to the greeting: the session is the old one if it has its private ID.
func (x *socketIO) connected(b []byte, to Listener) {
	pid := string(traffic.Field(b, "pid"))
	how := Fresh
	switch x.pid {
	case "":
	case pid:
		how = Resumed
	default:
		how = Broken
	}
	x.pid = pid
	to.Ready(how)
}

// event takes ["m",{message},"offset"] or ["hello","offset"].
func (x *socketIO) event(b []byte, to Listener) {
	end := bytes.LastIndex(b, []byte(`"]`))
	start := -1
	if end > 0 {
		start = bytes.LastIndexByte(b[:end], '"')
	}
	if start < 0 {
		to.Unexpected(b)
		return
	}
	x.offset = string(b[start+1 : end])
	if s, ok := traffic.ParseStamp(traffic.Field(b, "requestId")); ok {
		to.Message(s)
	}
}

// ack takes the acknowledgement of an event: 43, its number, [].
func (x *socketIO) ack(b []byte, to Listener) {
	digits, _, _ := bytes.Cut(b[len(sioAck):], []byte{'['})
	id, err := strconv.ParseUint(string(digits), 10, 64)
	if err == nil {
		for i := range x.asked {
			if p := x.asked[i]; p.id == id {
				x.asked = append(x.asked[:i], x.asked[i+1:]...)
				to.Confirmed(p.stamp)
				return
			}
		}
	}
	to.Unexpected(b)
}

func (x *socketIO) Send(c Conn, s traffic.Stamp) {
	x.acks++
	x.asked = append(x.asked, pending{x.acks, s})
	x.out = strconv.AppendUint(append(x.out[:0], sioEvent...), x.acks, 10)
	x.out = append(append(append(x.out, `["m",`...), x.letters.Fill(s, &noTarget)...), ']')
	c.Send(x.out)
}

func (*socketIO) Tick(Conn, int64) {}
