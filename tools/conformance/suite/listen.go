package suite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// received is a frame from the server, or why there are no more.
type received struct {
	op      byte
	payload []byte
	err     error
}

// closed is the end of a connection: the code of the close frame, 0 when there was none.
type closed struct {
	code   int
	reason string
	err    error
}

func (c *closed) Error() string {
	if c.code != 0 {
		return fmt.Sprintf("closed with %d %q", c.code, c.reason)
	}
	return fmt.Sprintf("ended without a close frame: %v", c.err)
}

// errBadFrame is a frame that no server may send: fragmented, masked, with reserved bits or far too long.
var errBadFrame = errors.New("bad frame")

// listen reads frames, whether the check wants one or not, and answers pings and close frames at once: to the service a
// connection that answers no ping is a dead one.
func (s *socket) listen() {
	for {
		f := s.readFrame()
		switch {
		case f.err == nil && f.op == opPing && !s.deaf.Load():
			_ = s.tryWrite(frame(0x80|opPong, f.payload)) // the next read tells when it is gone
		case f.err == nil && f.op == opClose:
			_ = s.tryWrite(frame(0x80|opClose, f.payload))
		}
		select {
		case s.frames <- f:
		case <-s.p.ctx.Done():
			return
		}
		if f.err != nil {
			return
		}
	}
}

func (s *socket) readFrame() received {
	var head [2]byte
	if _, err := io.ReadFull(s.in, head[:]); err != nil {
		return received{err: err}
	}
	size := uint64(head[1])
	if width := map[uint64]int{126: 2, 127: 8}[size]; width > 0 {
		var long [8]byte
		if _, err := io.ReadFull(s.in, long[8-width:]); err != nil {
			return received{err: err}
		}
		size = binary.BigEndian.Uint64(long[:])
	}
	if head[0]&0xF0 != 0x80 || head[1]&0x80 != 0 || size > 16<<20 {
		return received{err: fmt.Errorf("%w: head %x", errBadFrame, head)}
	}
	f := received{op: head[0] & 0x0F, payload: make([]byte, size)}
	_, f.err = io.ReadFull(s.in, f.payload)
	return f
}

// frame returns the next frame of any kind.
func (s *socket) frame() received {
	timer := time.NewTimer(time.Until(s.p.deadline()))
	defer timer.Stop()
	select {
	case f := <-s.frames:
		if errors.Is(f.err, errBadFrame) {
			s.p.fail("%v", f.err)
		}
		return f
	case <-timer.C:
		s.p.fail("nothing came within %v", time.Duration(s.p.patience.Load()))
	}
	return received{}
}

// read returns the next message, or how the connection ended.
func (s *socket) read() (string, *closed) {
	for {
		f := s.frame()
		if f.err != nil {
			return "", &closed{err: f.err}
		}
		switch f.op {
		case opText:
			if m := string(f.payload); !s.keepsICEServers(m) {
				return m, nil
			}
		case opPing, opPong:
		case opClose:
			end := &closed{code: 1005}
			if len(f.payload) >= 2 {
				end.code, end.reason = int(binary.BigEndian.Uint16(f.payload)), string(f.payload[2:])
			}
			return "", end
		default:
			s.p.fail("message with opcode %d: want text", f.op)
		}
	}
}
