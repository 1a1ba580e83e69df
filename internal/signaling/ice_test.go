package signaling_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// issued records when credentials were made for each client.
type issued struct {
	mu sync.Mutex
	at map[string][]time.Time
}

func (i *issued) servers(client string, now time.Time) []wire.ICEServer {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.at == nil {
		i.at = map[string][]time.Time{}
	}
	i.at[client] = append(i.at[client], now)
	return []wire.ICEServer{{URLs: []string{"turn:h"}, Username: client, Credential: "c"}}
}

// configure has credentials issued that are good for that long.
func (i *issued) configure(lifetime time.Duration) func(*signaling.Config) {
	return func(cfg *signaling.Config) { cfg.ICEServers, cfg.ICELifetime = i.servers, lifetime }
}

func TestICEServersFollowTheSession(t *testing.T) {
	i := &issued{}
	bubble(t, func(t *testing.T, hub *signaling.Hub, _ *scripted) {
		room := newRoom()
		c := wallet(room).rejoin().dial(t, hub)
		s := c.welcome()
		pass(0)
		want := `{"info":"iceServers","iceServers":[{"urls":["turn:h"],"username":"` + s.ClientID + `","credential":"c"}],"ttlSeconds":3600}`
		if texts := c.texts(); len(texts) != 2 || texts[1] != want {
			t.Errorf("got %q, want %s second", texts, want)
		}
		plain := extension(room).dial(t, hub)
		pass(2 * time.Hour)
		for _, text := range plain.texts() {
			if strings.Contains(text, "iceServers") {
				t.Errorf("a plain client got %s", text)
			}
		}
	}, i.configure(time.Hour))
}

// TestICEServersAreRenewedBeforeTheyRunOut: in each lifetime, for each client, whenever it came. R24.
func TestICEServersAreRenewedBeforeTheyRunOut(t *testing.T) {
	for _, c := range []struct{ lifetime, every time.Duration }{
		{time.Hour, 5 * time.Minute}, {20 * time.Minute, 5 * time.Minute}, {5 * time.Second, time.Second}, {24 * time.Hour, 30 * time.Minute},
	} {
		t.Run(c.lifetime.String(), func(t *testing.T) {
			i := &issued{}
			bubble(t, func(t *testing.T, hub *signaling.Hub, _ *scripted) {
				var all []*client
				for range 20 {
					all = append(all, crowd(t, hub, 5, func(r wire.RoomID) dialer { return wallet(r).rejoin() })...)
					pass(c.every / 7)
				}
				pass(3 * c.lifetime)
				if len(i.at) != len(all) {
					t.Fatalf("%d of %d clients were told", len(i.at), len(all))
				}
				told := 0
				for _, at := range i.at {
					told += len(at)
					for n, before := range at {
						next := time.Now()
						if n+1 < len(at) {
							next = at[n+1]
						}
						if age := next.Sub(before); age >= c.lifetime || n > 0 && n+1 < len(at) && age < c.lifetime/2-c.every-2*time.Second {
							t.Errorf("the next credentials came after %v", age)
						}
					}
				}
				for _, client := range all {
					told -= strings.Count(strings.Join(client.texts(), ""), `"info":"iceServers"`)
				}
				if told != 0 {
					t.Errorf("%d more were made than sent", told)
				}
			}, i.configure(c.lifetime), func(cfg *signaling.Config) { cfg.SyncInterval = c.every })
		})
	}
}
