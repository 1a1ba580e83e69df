package streams

import (
	"context"
	"net"
	"testing"

	"github.com/redis/go-redis/v9"
)

// TestASubscriptionThatGreetsIsInterrupted: its server hangs and answers no HELLO. redis.PubSub.Close would wait for that.
func TestASubscriptionThatGreetsIsInterrupted(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	client := redis.NewClient(&redis.Options{ReadTimeout: -1, WriteTimeout: -1, Dialer: interrupting(func(context.Context, string, string) (net.Conn, error) {
		return ours, nil
	})})
	defer client.Close()
	life, end := context.WithCancel(t.Context())
	ctx, stop := interruptible(life)
	defer stop()
	done := make(chan *redis.PubSub)
	go func() { done <- client.Subscribe(ctx, "x") }()
	if _, err := theirs.Read(make([]byte, 1)); err != nil { // it has sent its greeting, and waits
		t.Fatal(err)
	}
	end()
	sub := <-done
	if _, err := sub.Receive(ctx); err == nil {
		t.Error("received something after the end")
	}
	if err := sub.Close(); err != nil {
		t.Error(err)
	}
}

// TestAConnectionAfterTheEndIsClosed: it was being dialed meanwhile.
func TestAConnectionAfterTheEndIsClosed(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	life, end := context.WithCancel(t.Context())
	ctx, _ := interruptible(life)
	end()
	i := ctx.Value(interruptKey{}).(*interrupt)
	i.end() // AfterFunc's may not have run yet
	dial := interrupting(func(context.Context, string, string) (net.Conn, error) { return ours, nil })
	if _, err := dial(ctx, "", ""); err == nil {
		t.Error("dialed after the end")
	}
	if _, err := theirs.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is open")
	}
}
