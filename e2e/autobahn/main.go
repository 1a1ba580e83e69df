// Autobahn is the edge of the server with an echo behind it, for the Autobahn test suite, which wants its messages back:
//
//	go run ./e2e/autobahn -listen 127.0.0.1:9001
//	./scripts/autobahn        runs the suite's own client against it; needs Docker
//
// Frames, limits and close codes are the server's own, from internal/edge. What is echoed is text, as all that the server sends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/rejoin-dev/rejoin/internal/edge"
	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves until ctx ends, and prints where.
func run(ctx context.Context, args []string, out io.Writer) error {
	cfg := edge.DefaultConfig()
	flags := flag.NewFlagSet("autobahn", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&cfg.Addr, "listen", "127.0.0.1:0", "`address` to listen on")
	if err := flags.Parse(args); err != nil {
		return err
	}
	cfg.RateLimit = 0 // the suite sends thousands of messages at once
	server, err := edge.New(cfg, echo{}, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return fmt.Errorf("make the edge: %w", err)
	}
	if err := server.Start(ctx); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fmt.Fprintf(out, "listening at ws://%s\n", server.Addr())
	<-ctx.Done()
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return server.Stop(limit)
}

// echo is a hub that admits every client and sends each message back.
type echo struct{}

func (echo) Ready(wire.RoomID) error     { return nil }
func (echo) Peers(func([]string, error)) {}

func (echo) Open(conn signaling.Conn, _ wire.Connect, _ wire.Offer) edge.Session { return echoed{conn} }

type echoed struct{ conn signaling.Conn }

func (e echoed) Message(payload []byte) { e.conn.Send(payload) }
func (echoed) Pong([]byte)              {}
func (echoed) Closed(signaling.Closure) {}
