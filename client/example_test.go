package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/rejoin-dev/rejoin/client"
)

// Three equals in a room of any name. A message is any JSON value.
func Example_room() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	type line struct{ From, Text string }
	var all []*client.Client
	for range 3 {
		c, err := client.Dial(ctx, client.Config{URL: signaling(), Room: "lobby"})
		if err != nil {
			log.Fatal(err)
		}
		defer c.Close(ctx)
		all = append(all, c)
	}

	last := all[2]
	event, err := last.Next(ctx) // the first event says who is there
	if err != nil {
		log.Fatal(err)
	}
	for _, peer := range event.(client.Session).Peers {
		hello := client.Message{Target: peer.ID, Method: "chat", JSON: line{From: "Ada", Text: "hello"}}
		if err := last.Send(ctx, hello); err != nil {
			log.Fatal(err)
		}
	}

	for _, c := range all[:2] {
		for {
			event, err := c.Next(ctx)
			if err != nil {
				log.Fatal(err)
			}
			data, ok := event.(client.Data)
			if !ok {
				continue // someone came
			}
			var got line
			if err := json.Unmarshal(data.JSON, &got); err != nil {
				log.Fatal(err)
			}
			fmt.Printf("%s: %s says %s\n", data.Method, got.From, got.Text)
			break
		}
	}
	// Output:
	// chat: Ada says hello
	// chat: Ada says hello
}

// Roles decide which clients meet: viewers see cameras only, and cameras see viewers only. A message that was not taken in time is not
// delivered, and its sender hears of it.
func ExampleMessage_ttl() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	camera, err := client.Dial(ctx, client.Config{URL: signaling(), Room: "front-door", Role: "camera", Target: "viewer"})
	if err != nil {
		log.Fatal(err)
	}
	defer camera.Close(ctx)
	viewer, err := client.Dial(ctx, client.Config{URL: signaling(), Room: "front-door", Role: "viewer", Target: "camera"})
	if err != nil {
		log.Fatal(err)
	}
	id := viewer.ClientID()
	if _, err := viewer.Detach(ctx); err != nil { // as a phone that is put away
		log.Fatal(err)
	}

	ring := client.Message{Target: id, Method: "ring", JSON: "now", TTL: 50 * time.Millisecond}
	if err := camera.Send(ctx, ring); err != nil {
		log.Fatal(err)
	}
	for {
		event, err := camera.Next(ctx)
		if err != nil {
			log.Fatal(err)
		}
		if expired, ok := event.(client.Expired); ok {
			fmt.Println("the viewer did not hear the bell:", expired.Peer == id)
			return
		}
	}
	// Output:
	// the viewer did not hear the bell: true
}

// Two participants of a room. A peer may be there already, or come later; what is sent to it waits in its mailbox until it reads.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	room := strings.Repeat("01", 32) // a secret that both sides share
	wallet, err := client.Dial(ctx, client.Config{URL: signaling(), Room: room, Role: client.Wallet})
	if err != nil {
		log.Fatal(err)
	}
	defer wallet.Close(ctx)
	extension, err := client.Dial(ctx, client.Config{URL: signaling(), Room: room, Role: client.Extension})
	if err != nil {
		log.Fatal(err)
	}
	defer extension.Close(ctx)

	event, err := extension.Next(ctx) // the first event says who is there
	if err != nil {
		log.Fatal(err)
	}
	peer := event.(client.Session).Peers[0].ID
	if err := extension.Send(ctx, client.Message{Target: peer, Method: "offer", EncryptedPayload: "hello"}); err != nil {
		log.Fatal(err)
	}
	fmt.Println("the message is in the wallet's mailbox")

	for {
		event, err := wallet.Next(ctx)
		if err != nil {
			log.Fatal(err)
		}
		if data, ok := event.(client.Data); ok {
			fmt.Println("the wallet got", data.Method, data.Payload)
			return
		}
	}
	// Output:
	// the message is in the wallet's mailbox
	// the wallet got offer hello
}

// What became of a connection, and of the peers, comes as events. The client comes back by itself.
func ExampleClient_Next() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	room := strings.Repeat("02", 32)
	extension, err := client.Dial(ctx, client.Config{URL: signaling(), Room: room, Role: client.Extension})
	if err != nil {
		log.Fatal(err)
	}
	defer extension.Close(ctx)
	wallet, err := client.Dial(ctx, client.Config{URL: signaling(), Room: room, Role: client.Wallet})
	if err != nil {
		log.Fatal(err)
	}

	for {
		event, err := extension.Next(ctx)
		if err != nil {
			log.Fatal(err)
		}
		switch event.(type) {
		case client.Session:
			fmt.Println("the session is open")
		case client.PeerConnected:
			fmt.Println("a wallet has come")
			wallet.Drop() // as a network does that fails
		case client.PeerSuspended:
			fmt.Println("it lost its connection; what is sent to it waits")
		case client.PeerResumed:
			fmt.Println("it is back")
			if err := wallet.Close(ctx); err != nil {
				log.Fatal(err)
			}
		case client.PeerDisconnected:
			fmt.Println("it has left")
			return
		}
	}
	// Output:
	// the session is open
	// a wallet has come
	// it lost its connection; what is sent to it waits
	// it is back
	// it has left
}

// A process that ends, and one that goes on where it was. Keep the position where you keep secrets.
func ExampleClient_Detach() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cfg := client.Config{URL: signaling(), Room: strings.Repeat("03", 32), Role: client.Wallet}
	wallet, err := client.Dial(ctx, cfg)
	if err != nil {
		log.Fatal(err)
	}
	id := wallet.ClientID()
	position, err := wallet.Detach(ctx)
	if err != nil {
		log.Fatal(err)
	}

	extension, err := client.Dial(ctx, client.Config{URL: cfg.URL, Room: cfg.Room, Role: client.Extension})
	if err != nil {
		log.Fatal(err)
	}
	defer extension.Close(ctx)
	if err := extension.Send(ctx, client.Message{Target: id, Method: "offer", EncryptedPayload: "while you were away"}); err != nil {
		log.Fatal(err)
	}

	cfg.Resume = &position
	wallet, err = client.Dial(ctx, cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer wallet.Close(ctx)
	for {
		event, err := wallet.Next(ctx)
		if err != nil {
			log.Fatal(err)
		}
		switch e := event.(type) {
		case client.Session:
			fmt.Printf("resumed: %t, waiting: %d\n", e.Resumed, e.Replay)
		case client.Data:
			fmt.Println("got:", e.Payload)
			return
		}
	}
	// Output:
	// resumed: true, waiting: 1
	// got: while you were away
}

// Post does not wait for the answer, and keeps the order.
func ExampleClient_Post() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	room := strings.Repeat("04", 32)
	wallet, err := client.Dial(ctx, client.Config{URL: signaling(), Room: room, Role: client.Wallet})
	if err != nil {
		log.Fatal(err)
	}
	defer wallet.Close(ctx)
	extension, err := client.Dial(ctx, client.Config{URL: signaling(), Room: room, Role: client.Extension})
	if err != nil {
		log.Fatal(err)
	}
	defer extension.Close(ctx)

	var pending []*client.Pending
	for _, candidate := range []string{"one", "two", "three"} {
		m := client.Message{Target: wallet.ClientID(), Method: "iceCandidate", EncryptedPayload: candidate}
		p, err := extension.Post(ctx, m)
		if err != nil {
			log.Fatal(err)
		}
		pending = append(pending, p)
	}
	for _, p := range pending {
		<-p.Done()
		if err := p.Err(); err != nil {
			log.Fatal(err)
		}
	}
	for got := 0; got < len(pending); {
		event, err := wallet.Next(ctx)
		if err != nil {
			log.Fatal(err)
		}
		if data, ok := event.(client.Data); ok {
			fmt.Println(data.Payload)
			got++
		}
	}
	// Output:
	// one
	// two
	// three
}

// What can only fail again is not repeated.
func ExampleDial_refused() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := client.Dial(ctx, client.Config{URL: signaling(), Room: "no spaces", Role: client.Wallet})
	if closed := (*client.CloseError)(nil); errors.As(err, &closed) {
		fmt.Println("closed:", closed.Code, closed.Reason)
	}
	_, err = client.Dial(ctx, client.Config{URL: "localhost", Room: "lobby", Role: "phone"})
	fmt.Println(err)
	// Output:
	// closed: 1003 invalid room name
	// configure client: URL "localhost": scheme ""; want ws://host:port or wss://host, with http and https as other names for them
	// role "phone": no target given
}

// An answer from the server, in the peer's place: the peer is not in the room, neither connected nor expected back.
func ExampleClient_Send() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	wallet, err := client.Dial(ctx, client.Config{URL: signaling(), Room: strings.Repeat("06", 32), Role: client.Wallet})
	if err != nil {
		log.Fatal(err)
	}
	defer wallet.Close(ctx)
	err = wallet.Send(ctx, client.Message{Target: "8c4b2a8e-0000-4000-8000-000000000000", Method: "offer"})
	switch {
	case err == nil:
		fmt.Println("stored in the peer's mailbox")
	case errors.Is(err, client.ErrMissingRemoteClient):
		fmt.Println("there is no such peer")
	case errors.Is(err, client.ErrMailboxFull):
		fmt.Println("it has too much waiting")
	default:
		fmt.Println("the client has ended:", err)
	}
	// Output:
	// there is no such peer
}
