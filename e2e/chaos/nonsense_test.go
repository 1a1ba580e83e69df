package chaos_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/e2e/chaos/history"
)

// nonsense is what a client may say it has received.
var nonsense = []string{
	`"0-0"`, `"18446744073709551615-18446744073709551615"`, `"99999999999999-0"`, `"1-1"`, `"-1--1"`, `""`, `"x"`, `"1-"`, `5`, `null`, `{}`,
	`"99999999999999999999999999-9"`, `"0-18446744073709551616"`,
}

// acknowledgeNonsense: another one like the first joins each room and acknowledges what it never got. That harms no one else.
func acknowledgeNonsense(r *run) {
	ctx, cancel := context.WithTimeout(r.load.ctx, patience)
	defer cancel()
	var guests sync.WaitGroup
	for i, room := range r.load.rooms {
		guests.Go(func() {
			first := room.first.member
			m := history.Member{Name: first.Name + "/nonsense", Room: room.id, Role: first.Role, Target: first.Target}
			r.load.log.Join(m)
			if err := r.talkNonsense(ctx, m, i); err != nil {
				r.t.Errorf("%s: %v", m.Name, err)
			}
		})
	}
	guests.Wait()
}

// talkNonsense speaks the wire protocol by itself: the Go client cannot be made to lie.
func (r *run) talkNonsense(ctx context.Context, m history.Member, first int) error {
	target := m.Target
	if target == "" {
		target = client.Extension
	}
	url := fmt.Sprintf("%s/%s?source=%s&target=%s", urls(first)[0], m.Room, m.Role, target)
	ws, res, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: r.stack.client(), Subprotocols: []string{"rejoin.v1"}})
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	_ = res.Body // the library's
	ws.SetReadLimit(1 << 20)
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.listen(ctx, ws, m)
	}()
	for range 4 {
		for _, id := range nonsense {
			if err := ws.Write(ctx, websocket.MessageText, []byte(`{"method":"ack","id":`+id+`}`)); err != nil {
				return fmt.Errorf("write: %w", err)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	time.Sleep(500 * time.Millisecond) // what is on its way is written down, and not lied about
	r.load.log.Add(history.Event{Kind: history.Left, Member: m.Name, Conn: 1})
	_ = ws.Close(websocket.StatusNormalClosure, "")
	<-done
	return nil
}

// listen writes down what a liar receives.
func (r *run) listen(ctx context.Context, ws *websocket.Conn, m history.Member) {
	for {
		_, raw, err := ws.Read(ctx)
		if err != nil {
			return
		}
		var f struct {
			Info           string
			ClientID       string
			RemoteClientID string
			Peers          []struct{ RemoteClientID string }
			Data           struct{ EncryptedPayload, Payload string }
		}
		if json.Unmarshal(raw, &f) != nil {
			continue // not of interest
		}
		e := history.Event{Member: m.Name, Conn: 1, Peer: f.RemoteClientID}
		switch f.Info {
		case "session":
			e.Kind, e.Self = history.Opened, f.ClientID
			for _, p := range f.Peers {
				e.Peers = append(e.Peers, p.RemoteClientID)
			}
		case "remoteClientJustConnected":
			e.Kind = history.Announced
		case "remoteClientDisconnected":
			e.Kind = history.Gone
		case "remoteData":
			e.Kind = history.Delivered
			e.Message, _, _ = strings.Cut(f.Data.EncryptedPayload+f.Data.Payload, " ")
		default:
			continue
		}
		r.load.log.Add(e)
	}
}
