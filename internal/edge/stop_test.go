package edge_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/edge"
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

func TestStop(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), nil)
	r.dial(t) // says nothing
	var clients []*client
	var sessions []*testSession
	for range 20 {
		c, s := r.open(t)
		clients, sessions = append(clients, c), append(sessions, s)
	}
	done := make(chan error)
	go func() { done <- r.Stop(context.Background()) }()
	for i, c := range clients {
		c.expectClose(wire.CloseServiceRestart, wire.ReasonGoingAway)
		c.Close()
		if end := sessions[i].end(t); end.By != signaling.SentAway {
			t.Fatalf("ended %v", end)
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	<-r.Done()
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	sessions[0].conn.Send([]byte("anybody there?"))
	if err := r.Stop(context.Background()); err != nil {
		t.Fatalf("stopped again: %v", err)
	}
}

func TestStopDoesNotWaitForStubbornClients(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), func(cfg *edge.Config) { cfg.CloseTimeout = 20 * time.Millisecond })
	_, s := r.open(t)
	if err := r.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if end := s.end(t); end.By != signaling.SentAway {
		t.Fatalf("ended %v", end)
	}
}

func TestStopWithoutStart(t *testing.T) {
	t.Parallel()
	server, err := edge.New(edge.DefaultConfig(), newHub(), nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	r := start(t, newHub(), nil)
	cfg := edge.DefaultConfig()
	cfg.Addr = r.Addr().String()
	second, err := edge.New(cfg, newHub(), nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Start(t.Context()); err == nil {
		t.Fatal("two servers on one port")
	}
	if err := second.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestBadSettings(t *testing.T) {
	t.Parallel()
	if _, err := edge.New(edge.Config{}, newHub(), nil, slog.New(slog.DiscardHandler)); err == nil {
		t.Fatal("an empty Config was taken")
	}
}
