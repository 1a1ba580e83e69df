package suite

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// client is a plain client. One goroutine may write while another reads.
type client struct {
	*socket
	peer string // the client ID of the other one, once it was announced
}

// message is what the server sends, as far as the cases look at it.
type message struct {
	Info           string
	RemoteClientID string
	RequestID      json.RawMessage
	Data           json.RawMessage
	Error          json.RawMessage
}

// received is what came: a reply, a message of a peer, or a close frame.
type received struct {
	reply  reply
	data   string // of remoteData
	closed bool
	code   end
}

// connect upgrades as a client of that role. head is sent behind the request, in the same write.
func connect(ctx context.Context, base, target string, headers []string, head []byte) (*client, error) {
	s, err := dial(ctx, base)
	if err != nil {
		return nil, err
	}
	if err := s.write(append(s.request(base, target, headers), head...)); err != nil {
		s.close()
		return nil, err
	}
	if err := s.upgraded(); err != nil {
		s.close()
		return nil, err
	}
	return &client{socket: s}, nil
}

// next reads up to the next thing that is no announcement and no ping of the server's own.
func (c *client) next() (received, error) {
	for {
		op, payload, err := c.read()
		if err != nil {
			return received{}, err
		}
		switch op {
		case opClose:
			return closeFrame(payload)
		case opPong:
			return received{reply: reply{pong, string(payload)}}, nil
		case opPing:
		case opText:
			if got, ok, err := c.heard(payload); ok || err != nil {
				return got, err
			}
		default:
			return received{}, fmt.Errorf("server sent opcode %d", op&0x0f)
		}
	}
}

func closeFrame(body []byte) (received, error) {
	switch {
	case len(body) == 0:
		return received{closed: true, code: empty}, nil
	case len(body) == 1:
		return received{}, errors.New("close frame with a body of one byte")
	}
	return received{closed: true, code: end(binary.BigEndian.Uint16(body))}, nil
}

// heard reads a message. It reports false for an announcement, of which it takes note.
func (c *client) heard(payload []byte) (received, bool, error) {
	var m message
	if err := json.Unmarshal(payload, &m); err != nil {
		return received{}, false, fmt.Errorf("read message: %w", err)
	}
	switch m.Info {
	case "remoteClientIsAlreadyConnected", "remoteClientJustConnected":
		c.peer = m.RemoteClientID
		return received{}, false, nil
	case "remoteClientDisconnected":
		return received{}, false, nil
	case "invalidMessageError":
		var text string
		err := json.Unmarshal(m.Data, &text)
		return received{reply: reply{echo, text}}, true, err
	case "validationError":
		path, err := firstIssue(m.Error)
		return received{reply: reply{invalid, path}}, true, err
	case "confirmation":
		return received{reply: reply{confirmation, string(m.RequestID)}}, true, nil
	case "missingRemoteClientError":
		return received{reply: reply{missing, string(m.RequestID)}}, true, nil
	case "remoteData":
		return received{data: string(m.Data)}, true, nil
	}
	return received{}, false, fmt.Errorf("server sent %.200q", payload)
}

func firstIssue(issues []byte) (string, error) {
	var list []struct{ Path []string }
	if err := json.Unmarshal(issues, &list); err != nil || len(list) == 0 {
		return "", fmt.Errorf("read issues of %.200q: %w", issues, err)
	}
	return strings.Join(list[0].Path, "."), nil
}

// want reads one reply, which has to be this one. A byte of a binary message that is no UTF-8 comes back as U+FFFD.
func (c *client) want(w reply) error {
	got, err := c.next()
	if err != nil {
		return fmt.Errorf("wait for %s: %w", w.kind, err)
	}
	if w.kind == echo {
		w.text = string([]rune(w.text))
	}
	if got.closed || got.reply != w {
		return fmt.Errorf("got %s, want %s %.60q", got, w.kind, w.text)
	}
	return nil
}

// wantClose reads a close frame, which has to come next, and the end of the stream behind it.
func (c *client) wantClose(code end) error {
	got, err := c.next()
	if err != nil {
		return fmt.Errorf("wait for close %d: %w", code, err)
	}
	if !got.closed || got.code != code {
		return fmt.Errorf("got %s, want close %d", got, code)
	}
	return c.atEnd()
}

func (r received) String() string {
	switch {
	case r.closed:
		return fmt.Sprintf("close %d", r.code)
	case r.data != "":
		return fmt.Sprintf("remoteData %.60q", r.data)
	}
	return fmt.Sprintf("%s %.60q", r.reply.kind, r.reply.text)
}

// leave closes with 1000 and waits for the same from the server.
func (c *client) leave() error {
	header, payload := encodePlain(closeWith(1000, ""))
	if err := c.write(append(header, payload...)); err != nil {
		return err
	}
	return c.wantClose(normal)
}

// say sends a text.
func (c *client) say(message string) error {
	header, payload := encodePlain(text(message))
	return c.write(bytes.Join([][]byte{header, payload}, nil))
}

// encodePlain is for frames that are not under test.
func encodePlain(f frame) (header, payload []byte) {
	f.mask = zeroMask
	return f.encode("", nil)
}
