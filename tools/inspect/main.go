// Inspect prints what Redis holds of a room, of an instance, or of all. It only reads, and never a message:
//
//	go run ./tools/inspect -redis redis://host:6379 room <connectionId>
//	go run ./tools/inspect -redis redis://host:6379 instance <INSTANCE_ID>
//	go run ./tools/inspect -redis redis://host:6379 totals
//
// What clients are let in by is not printed: connectionIds and client IDs are shortened to eight characters, tokens left out.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/rejoin-dev/rejoin/internal/host"
	"github.com/rejoin-dev/rejoin/internal/peerjs"
	"github.com/rejoin-dev/rejoin/streams"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// request is what was asked for.
type request struct {
	redis   string
	json    bool
	rooms   int
	timeout time.Duration
	what    string
	name    string
	key     string // of PeerJS clients
}

func run(ctx context.Context, args []string, out io.Writer) error {
	r, err := parse(args, out)
	if err != nil {
		return err
	}
	if opt, err := streams.ParseURL(r.redis); err == nil { // what else is wrong is said below
		if err := host.CheckAddresses(opt.Addrs); err != nil {
			return fmt.Errorf("read -redis: %w", err)
		}
	}
	in, err := streams.NewInspector(r.redis)
	if err != nil {
		return fmt.Errorf("read -redis: %w", err)
	}
	defer in.Close()
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	answer, err := r.ask(ctx, in)
	if err != nil {
		return fmt.Errorf("inspect %s: %w", r.what, err)
	}
	if r.json {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(answer)
	}
	return answer.print(out)
}

func parse(args []string, out io.Writer) (r request, err error) {
	flags := flag.NewFlagSet("inspect", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&r.redis, "redis", "", "`URL` of Redis, as the server's REDIS_URL")
	flags.BoolVar(&r.json, "json", false, "print JSON")
	flags.StringVar(&r.key, "peerjs-key", peerjs.DefaultKey, "PEERJS_KEY of the server, for a room peerjs:<id>")
	flags.IntVar(&r.rooms, "rooms", 100_000, "look at so many rooms at most (instance, totals)")
	flags.DurationVar(&r.timeout, "timeout", time.Minute, "give up after")
	flags.Usage = func() {
		fmt.Fprintln(out, "inspect -redis URL [flags] room <connectionId, name or peerjs:<id>> | instance <INSTANCE_ID> | totals")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return r, err
	}
	r.redis = strings.TrimSpace(r.redis)
	r.what, r.name = flags.Arg(0), flags.Arg(1)
	want := map[string]int{"room": 2, "instance": 2, "totals": 1}[r.what]
	if r.redis == "" || want == 0 || flags.NArg() != want || r.rooms < 1 {
		return r, errors.New("want -redis URL and room <connectionId or name>, instance <INSTANCE_ID> or totals; see -h")
	}
	return r, nil
}

// room looks at all that a room may be called in Redis: see peerjs.RoomIDs.
func (r request) room(ctx context.Context, in *streams.Inspector) (answer, error) {
	ids, ok := peerjs.RoomIDs(r.key, r.name)
	if !ok {
		return nil, errors.New("a room is 64 hex digits, 1 to 128 letters, digits and -._~, or peerjs: and a PeerJS id")
	}
	var report roomReport
	for _, id := range ids {
		state, err := in.Room(ctx, id.String())
		if errors.Is(err, streams.ErrNoRoom) {
			continue
		}
		if err != nil {
			return nil, err
		}
		report.add(id.String(), state)
	}
	if report.Room == "" {
		return nil, streams.ErrNoRoom
	}
	return report, nil
}

// answer is what was found; as JSON it is its fields.
type answer interface{ print(io.Writer) error }

func (r request) ask(ctx context.Context, in *streams.Inspector) (answer, error) {
	switch r.what {
	case "room":
		return r.room(ctx, in)
	case "instance":
		return newInstanceReport(ctx, in, r.name, r.rooms)
	}
	return newTotalsReport(ctx, in, r.rooms)
}
