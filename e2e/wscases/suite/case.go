package suite

import (
	"slices"
	"strconv"
	"strings"
)

// Case is what one client sends after its upgrade, and what has to come of it.
type Case struct {
	// ID is its number, Sent what is sent, in words.
	ID, Sent string

	headers []string // further lines of the upgrade request
	glued   bool     // the frames leave in one write with the upgrade request
	frames  []frame
	chop    int  // the pieces that are written when the case is sent whole: 0 for one, else bytes
	inTurn  bool // a frame is sent when the one before is answered

	want []reply
	end  end
	// relayed is the message that the peer gets; "" for none.
	relayed string
}

// end is how a case ends, before the client closes.
type end int

const (
	// open: the connection is good, and a message gets through to a peer.
	open end = 0
	// empty: the server closes without a code.
	empty end = 1005
	// Other values are the code that the server closes with.
	normal, protocolError, notUTF8, tooBig end = 1000, 1002, 1007, 1009
)

// reply is one thing that the server sends.
type reply struct {
	kind replyKind
	text string
}

// replyKind is the name of a kind of reply in the table of results.
type replyKind string

const (
	echo         replyKind = "echo"         // invalidMessageError; text is the message
	pong         replyKind = "pong"         // text is its payload
	confirmation replyKind = "confirmation" // text is the raw request ID
	invalid      replyKind = "validation"   // validationError; text is the path of its first issue
	missing      replyKind = "missing"      // missingRemoteClientError; text is the raw request ID
)

// Cases lists all cases in the order of their numbers.
func Cases() []Case {
	return slices.Concat(framing(), pings(), reserved(), opcodes(), fragments(), texts(), closing(), limits(), fragmenting(), offers(), ours())
}

// Expected says in a few words what has to come of the case.
func (c *Case) Expected() string {
	var words []string
	for i := 0; i < len(c.want); {
		kind, n := c.want[i].kind, 0
		for ; i < len(c.want) && c.want[i].kind == kind; i++ {
			n++
		}
		if n == 1 {
			words = append(words, string(kind))
		} else {
			words = append(words, strconv.Itoa(n)+" × "+string(kind))
		}
	}
	switch c.end {
	case open:
		words = append(words, "open")
	case empty:
		words = append(words, "close without a code")
	default:
		words = append(words, "close "+strconv.Itoa(int(c.end)))
	}
	return strings.Join(words, ", ")
}

// dataFrames counts what a rate limit counts.
func (c *Case) dataFrames() int {
	n := 0
	for i := range c.frames {
		if c.frames[i].first&0x08 == 0 {
			n++
		}
	}
	return n
}

// size is the number of bytes that the frames of a case hold.
func (c *Case) size() int {
	n := 0
	for i := range c.frames {
		n += len(c.frames[i].payload)
	}
	return n
}

// good is a case that breaks no rule.
func good(id, sent string, frames []frame, want ...reply) Case {
	return Case{ID: id, Sent: sent, frames: frames, want: want}
}

// bad is a case that ends with a close frame of the server's.
func bad(id, sent string, code end, frames []frame, want ...reply) Case {
	return Case{ID: id, Sent: sent, frames: frames, want: want, end: code}
}

// chopped returns a copy that is written in pieces of n bytes.
func (c Case) chopped(id, how string, n int) Case {
	c.ID, c.Sent, c.chop = id, c.Sent+", "+how, n
	return c
}

func echoes(texts ...string) []reply {
	var list []reply
	for _, text := range texts {
		list = append(list, reply{echo, text})
	}
	return list
}

func pongs(texts ...string) []reply {
	var list []reply
	for _, text := range texts {
		list = append(list, reply{pong, text})
	}
	return list
}
