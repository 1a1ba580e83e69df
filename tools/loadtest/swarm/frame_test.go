package swarm

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

// TestClientFrames looks at heads, and unmasks a byte at a time; loop_test.go has others read what is written.
func TestClientFrames(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]string{
		0: "8180", 1: "8181", 9: "8189", 125: "81fd", 126: "81fe007e", 65535: "81feffff", 65536: "81ff0000000000010000", 70001: "81ff0000000000011171",
	} {
		payload := bytes.Repeat([]byte("0123456789x"), size/11+1)[:size]
		raw := appendFrame(nil, opText, payload)
		head, key, got := raw[:len(want)/2], raw[len(want)/2:][:4], raw[len(want)/2+4:]
		for i := range got {
			got[i] ^= key[i%4]
		}
		if fmt.Sprintf("%x", head) != want || !bytes.Equal(got, payload) {
			t.Errorf("%d bytes: head %x, want %s", size, head, want)
		}
	}
}

// TestServerFrames reads frames with a rest behind them, and cut off anywhere in their heads.
func TestServerFrames(t *testing.T) {
	t.Parallel()
	for head, size := range map[string]int{
		"\x89\x00": 0, "\x89\x01": 1, "\x89\x7d": 125, "\x89\x7e\x00\x7e": 126, "\x89\x7e\xff\xff": 65535, "\x89\x7f\x00\x00\x00\x00\x00\x01\x00\x00": 65536,
	} {
		payload := bytes.Repeat([]byte{'a'}, size)
		raw := append([]byte(head), payload...)
		f, n, err := readFrame(append(raw, "rest"...))
		if err != nil || n != len(raw) || f.op != opPing || !bytes.Equal(f.payload, payload) {
			t.Errorf("%d bytes: %d taken, %v", size, n, err)
		}
		for cut := range min(len(raw), 20) {
			if _, n, err := readFrame(raw[:cut]); n != 0 || err != nil {
				t.Errorf("%d bytes cut at %d: %d taken, %v", size, cut, n, err)
			}
		}
	}
}

func TestBadServerFrames(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		raw  []byte
		want error
	}{
		"fragment": {[]byte{0x01, 0}, errBadFrame},
		"reserved": {[]byte{0xc1, 0}, errBadFrame},
		"masked":   {[]byte{0x81, 0x80, 0, 0, 0, 0}, errBadFrame},
		"too big":  {[]byte{0x81, 127, 0, 0, 0, 0, 0, 0x10, 0, 1}, errFrameTooBig},
		"absurd":   {[]byte{0x81, 127, 0xff, 0, 0, 0, 0, 0, 0, 0}, errFrameTooBig},
	} {
		if _, _, err := readFrame(c.raw); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	good := "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + acceptKey + "\r\n\r\n"
	if n, err := readHead([]byte(good + "\x81\x00")); n != len(good) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for cut := range len(good) {
		if n, err := readHead([]byte(good[:cut])); n != 0 || err != nil {
			t.Fatalf("cut at %d: %d, %v", cut, n, err)
		}
	}
	var status *StatusError
	if _, err := readHead([]byte("HTTP/1.1 503 Busy\r\nRetry-After: 1\r\n\r\n")); !errors.As(err, &status) || status.Line != "HTTP/1.1 503 Busy" {
		t.Error(err)
	}
	if _, err := readHead([]byte("HTTP/1.1 101 x\r\n\r\n")); !errors.Is(err, errAcceptKey) {
		t.Error(err)
	}
	if _, err := readHead(make([]byte, maxHead+1)); err == nil {
		t.Error("an endless head was taken")
	}
}

func BenchmarkFrames(b *testing.B) {
	payload := make([]byte, 400)
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		out = appendFrame(out[:0], opText, payload)
	}
}
