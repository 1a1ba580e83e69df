// Pion is a WebRTC peer without a browser. It waits in a room for offers, answers them, and echoes what arrives on the data
// channel. With -call it calls everyone in the room instead. To be the peer of the demo page, whose address contains the room:
//
//	go run ./client/examples/pion -role wallet -room <64 hexadecimal digits>
//
// Or two of them, in two terminals:
//
//	room=$(openssl rand -hex 32)
//	go run ./client/examples/pion -room $room
//	go run ./client/examples/pion -room $room -role wallet -call
//
// Descriptions and candidates are sent in the clear, in the format of the browser client's Negotiation. A real application encrypts them
// first; that is why the protocol's field for them is called encryptedPayload.
//
// Note what is missing: no code in this directory deals with lost connections, or with repeated or missing
// messages. When the client has resumed, the negotiation continues where it was.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	"github.com/rejoin-dev/rejoin/client"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("pion", flag.ContinueOnError)
	flags.SetOutput(stdout)
	urls := flags.String("url", "ws://localhost:4000", "instances of the server, comma separated")
	room := flags.String("room", "", "connectionId: 64 hexadecimal digits")
	role := flags.String("role", client.Extension, "wallet or extension")
	call := flags.Bool("call", false, "call peers in place of waiting for their calls")
	loopback := flags.Bool("loopback", false, "offer addresses of this machine only")
	if err := flags.Parse(args); err != nil {
		return err
	}
	c, err := client.Dial(ctx, client.Config{URLs: strings.Split(*urls, ","), Room: *room, Source: *role})
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	p := newPeer(c, newAPI(*loopback), slog.New(slog.NewTextHandler(stdout, nil)))
	p.polite = *role == client.Wallet
	if p.call = *call; p.call {
		p.opened = func(channel *webrtc.DataChannel) { p.say(channel, "hello") }
	}
	if err := p.run(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := c.Close(last); err != nil {
		return fmt.Errorf("leave: %w", err)
	}
	return nil
}

// newAPI configures pion. loopback is for peers on one machine, without a network.
func newAPI(loopback bool) *webrtc.API {
	var engine webrtc.SettingEngine
	if loopback {
		engine.SetIncludeLoopbackCandidate(true)
		engine.SetIPFilter(net.IP.IsLoopback)
		engine.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
		engine.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(engine))
}
