package suite

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// exchange is one run of a case: what the subject sends and hears.
type exchange struct {
	*Case
	how     split
	random  *rand.Rand
	peer    *client
	subject *client
	early   [][]byte // pieces that are left of a case that began with the request
}

// connect upgrades the subject. A case that does not begin with the request waits until the subject has heard of the
// peer.
func (x *exchange) connect(ctx context.Context, base, target string) (err error) {
	var head []byte
	if x.glued {
		pieces := x.pieces(x.frames, x.how, "", x.random)
		head, x.early = pieces[0], pieces[1:]
	}
	if x.subject, err = connect(ctx, base, target, x.headers, head); err != nil {
		return err
	}
	if !x.glued {
		err = x.subject.meet()
	}
	if err != nil {
		x.subject.close()
	}
	return err
}

// meet reads the announcement of the peer, which is the first message.
func (c *client) meet() error {
	for c.peer == "" {
		op, payload, err := c.read()
		if err != nil {
			return fmt.Errorf("wait for the peer: %w", err)
		}
		if op != opText {
			return fmt.Errorf("server sent opcode %d before the announcement of the peer", op&0x0f)
		}
		if got, ok, err := c.heard(payload); ok || err != nil {
			return errors.Join(fmt.Errorf("got %v before the announcement of the peer", got), err)
		}
	}
	return nil
}

// run sends the frames and checks what comes of them.
func (x *exchange) run() error {
	if x.inTurn {
		if err := x.inTurns(); err != nil {
			return err
		}
		return x.stillGood()
	}
	pieces := x.early
	if !x.glued {
		pieces = x.pieces(x.frames, x.how, x.subject.peer, x.random)
	}
	sent := make(chan error, 1)
	go func() { sent <- x.subject.writeAll(pieces) }()
	if x.end != open {
		err := x.hearClose()
		x.subject.close() // a server that closes for cause need not take all of it
		<-sent
		return err
	}
	for _, w := range x.want {
		if err := x.subject.want(w); err != nil {
			x.subject.close()
			<-sent
			return err
		}
	}
	if err := <-sent; err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return x.stillGood()
}

// inTurns sends frame by frame and waits for the answer of each that has one.
func (x *exchange) inTurns() error {
	want := x.want
	for i, f := range x.frames {
		if err := x.subject.writeAll(x.pieces(x.frames[i:i+1], x.how, x.subject.peer, x.random)); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		if f.first&0x80 == 0 {
			continue
		}
		if err := x.subject.want(want[0]); err != nil {
			return fmt.Errorf("frame %d: %w", i+1, err)
		}
		want = want[1:]
	}
	return nil
}

// hearClose reads what comes up to the close frame and the end of the stream.
func (x *exchange) hearClose() error {
	var heard []reply
	for {
		got, err := x.subject.next()
		if err != nil {
			return fmt.Errorf("wait for close %d: %w", x.end, err)
		}
		if got.closed && got.code == x.end {
			break
		}
		if got.closed || got.data != "" {
			return fmt.Errorf("got %v, want close %d", got, x.end)
		}
		heard = append(heard, got.reply)
	}
	if !slices.Equal(heard, x.want) {
		return fmt.Errorf("heard %.200q before the close frame", heard)
	}
	return x.subject.atEnd()
}

// stillGood sends an offer, which has to be the next to be answered and the next that the peer gets, and closes.
func (x *exchange) stillGood() error {
	const last = `{"requestId":"last","method":"offer","targetClientId":"{peer}","encryptedPayload":"still good"}`
	if err := x.subject.say(x.named(last)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := x.subject.want(reply{confirmation, `"last"`}); err != nil {
		return err
	}
	for _, message := range []string{x.relayed, last} {
		if message == "" {
			continue
		}
		got, err := x.peer.next()
		if err != nil || got.data != x.named(message) {
			return fmt.Errorf("peer got %v (%w), want %s", got, err, x.named(message))
		}
	}
	return x.subject.leave()
}

// named puts in the client ID of the peer.
func (x *exchange) named(message string) string {
	return strings.ReplaceAll(message, peerMark, x.subject.peer)
}

func (c *client) writeAll(pieces [][]byte) error {
	for _, piece := range pieces {
		if err := c.write(piece); err != nil {
			return err
		}
	}
	return nil
}
