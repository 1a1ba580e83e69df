package streams

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// pair returns both ends of a TCP connection; the first is quiet.
func pair(t *testing.T) (net.Conn, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := dialer(t.Context(), nil)(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func TestQuietConnCarriesMoreThanTheKernelTakesAtOnce(t *testing.T) {
	a, b := pair(t)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	go func() {
		_, _ = io.Copy(b, b) // back
		b.Close()
	}()
	wrote := make(chan error, 1)
	go func() {
		n, err := a.Write(sent)
		if err == nil && n != len(sent) {
			err = io.ErrShortWrite
		}
		wrote <- err
	}()
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(a, got); err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("got other bytes back, or %v", err)
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
}

func TestQuietConnEndsAsOthersDo(t *testing.T) {
	a, b := pair(t)
	var timeout net.Error
	_ = a.SetReadDeadline(time.Now().Add(-time.Second))
	if _, err := a.Read(make([]byte, 1)); !errors.As(err, &timeout) || !timeout.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the deadline: %v", err)
	}
	_ = a.SetReadDeadline(time.Time{})
	b.Close()
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("after the other end closed: %v", err)
	}
	a.Close()
	if _, err := a.Write([]byte{1}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after it was closed: %v", err)
	}
}

func TestQuietConnReadIsEndedByClose(t *testing.T) {
	a, _ := pair(t)
	read := make(chan error)
	go func() {
		_, err := a.Read(make([]byte, 1))
		read <- err
	}()
	a.Close()
	if err := <-read; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestQuietConnAllocatesNothing(t *testing.T) {
	a, b := pair(t)
	out, in := []byte("ping"), make([]byte, 4)
	if n := testing.AllocsPerRun(100, func() {
		_, _ = a.Write(out)
		_, _ = io.ReadFull(b, in)
		_, _ = b.Write(out)
		_, _ = io.ReadFull(a, in)
	}); n > 0 {
		t.Errorf("%v allocations a round trip", n)
	}
}
