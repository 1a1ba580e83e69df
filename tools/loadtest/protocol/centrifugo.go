package protocol

import (
	"bytes"
	"strconv"

	"github.com/rejoin-dev/rejoin/tools/loadtest/swarm"
	"github.com/rejoin-dev/rejoin/tools/loadtest/traffic"
)

// centrifugo is a client of Centrifugo, in its bidirectional JSON protocol. Each of the two in a room is subscribed to a channel of its
// own, with recovery from the last offset, and publishes to the other's.
type centrifugo struct {
	room    string
	role    traffic.Role
	letters *traffic.Letters

	been   bool // subscribed before
	epoch  string
	offset uint64
	calls  uint64 // number of the last command
	asked  []pending
	out    []byte
}

// Numbers of the two first commands of a connection; publications come after them.
const (
	connectCall   = 1
	subscribeCall = 2
)

func (x *centrifugo) Upgrade(host string) []byte {
	return swarm.Request(host, "/connection/websocket", "")
}

func (x *centrifugo) channel(r traffic.Role) string { return x.room + "-" + r.String() }

// Opened sends both commands at once, as a client may.
func (x *centrifugo) Opened(c Conn) {
	x.calls, x.asked = subscribeCall, x.asked[:0]
	text := `{"id":1,"connect":{}}` + "\n" + `{"id":2,"subscribe":{"channel":"` + x.channel(x.role) + `"`
	if x.been {
		text += `,"recover":true,"epoch":"` + x.epoch + `","offset":` + strconv.FormatUint(x.offset, 10)
	}
	c.Send([]byte(text + "}}"))
}

// Read takes one or more replies, one on a line. An empty one is a ping.
func (x *centrifugo) Read(c Conn, b []byte, _ int64, to Listener) {
	for line := range bytes.SplitSeq(b, []byte{'\n'}) {
		switch {
		case string(line) == "{}":
			c.Send(line)
		case bytes.HasPrefix(line, []byte(`{"push":`)):
			x.push(line, to)
		case bytes.HasPrefix(line, []byte(`{"id":`)):
			x.reply(line, to)
		case len(line) > 0:
			to.Unexpected(line)
		}
	}
}

// push takes {"push":{"channel":"…","pub":{"data":{message},"info"?:…,"offset":n}}}.
func (x *centrifugo) push(b []byte, to Listener) {
	if !x.publication(b, to) {
		to.Unexpected(b)
	}
}

// publication takes {"data":{message},"offset":n, …}, with anything around it.
func (x *centrifugo) publication(b []byte, to Listener) bool {
	s, ok := traffic.ParseStamp(traffic.Field(b, "requestId"))
	if !ok {
		return false
	}
	at := bytes.Index(b, []byte(`"offset":`)) // behind the last one of a reply comes that of the request
	if at < 0 {
		return false
	}
	digits := b[at+len(`"offset":`):]
	if end := bytes.IndexAny(digits, ",}"); end >= 0 {
		digits = digits[:end]
	}
	offset, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		return false
	}
	x.offset = max(x.offset, offset)
	to.Message(s)
	return true
}

func (x *centrifugo) reply(b []byte, to Listener) {
	digits, _, _ := bytes.Cut(b[len(`{"id":`):], []byte{','})
	id, err := strconv.ParseUint(string(digits), 10, 64)
	failed := bytes.Contains(b[:min(len(b), 40)], []byte(`"error":`))
	switch {
	case err != nil || failed && id <= subscribeCall:
		to.Unexpected(b)
	case id == connectCall:
	case id == subscribeCall:
		x.subscribed(b, to)
	default:
		for i := range x.asked {
			if p := x.asked[i]; p.id == id {
				x.asked = append(x.asked[:i], x.asked[i+1:]...)
				if failed {
					to.Refused(p.stamp, -1)
				} else {
					to.Confirmed(p.stamp)
				}
				return
			}
		}
		to.Unexpected(b)
	}
}

// subscribed takes {"id":2,"subscribe":{"recoverable":true,"epoch":"…","publications":[…],"recovered":true,"offset":n, …}}.
func (x *centrifugo) subscribed(b []byte, to Listener) {
	how := Fresh
	if x.been {
		how = Broken
		if bytes.Contains(b, []byte(`"recovered":true`)) {
			how = Resumed
		}
	}
	x.been, x.epoch = true, string(traffic.Field(b, "epoch"))
	to.Ready(how)
	for part := range bytes.SplitSeq(b, []byte(`{"data":`)) {
		x.publication(part, to)
	}
	if how != Resumed { // where the channel is now
		tail := b
		if at := bytes.LastIndex(b, []byte(`]`)); at >= 0 {
			tail = b[at:]
		}
		x.offset, _ = strconv.ParseUint(string(traffic.Field(tail, "offset")), 10, 64)
	}
}

func (x *centrifugo) Send(c Conn, s traffic.Stamp) {
	x.calls++
	x.asked = append(x.asked, pending{x.calls, s})
	x.out = strconv.AppendUint(append(x.out[:0], `{"id":`...), x.calls, 10)
	x.out = append(append(append(x.out, `,"publish":{"channel":"`...), x.channel(x.role.Opposite())...), `","data":`...)
	x.out = append(append(x.out, x.letters.Fill(s, &noTarget)...), "}}"...)
	c.Send(x.out)
}

func (*centrifugo) Tick(Conn, int64) {}
