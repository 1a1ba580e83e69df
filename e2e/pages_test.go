package e2e_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// TestFullMailboxesResumeInPages: 100 clients (40 without REJOIN_SOAK) whose mailboxes hold 1 MB each resume at once; what
// the instance needs for it stays below half of what the mailboxes hold. R8.
func TestFullMailboxesResumeInPages(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	redis := redistest.NewServer(t)
	const messages, size = 250, 3800
	clients := max(many(100), 40)
	settings := []string{"REDIS_URL=" + redis.URL(), "RATE_LIMIT_MESSAGES=0"}
	x, y := proctest.StartPlain(t, settings...), proctest.StartPlain(t, settings...)

	configs := make([]client.Config, clients)
	var wg sync.WaitGroup
	for i := range configs {
		room := newRoom()
		extension := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension, Rate: -1})
		wallet := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Wallet})
		to, position := extension.meet(), wallet.Position()
		wallet.Abort()
		configs[i] = client.Config{URL: y.URL(), Room: room, Source: client.Wallet, Resume: &position}
		wg.Go(func() { fill(t, extension, to, messages, size) })
	}
	wg.Wait()
	before := y.Peak()
	for _, cfg := range configs {
		wallet := dial(ctx, t, cfg)
		wg.Go(func() {
			for n := range messages {
				if got := wait[client.Data](wallet).Payload; !strings.HasPrefix(got, strconv.Itoa(n)+" ") {
					t.Errorf("message %d: got %.8s", n, got)
					return
				}
			}
		})
	}
	wg.Wait()
	grown, held := y.Peak()-before, int64(clients*messages*size)
	t.Logf("%d clients with %d MB waiting: peak memory grew by %d MB", clients, held>>20, grown>>20)
	if grown > held/2 {
		t.Errorf("peak memory grew by %d bytes for %d waiting", grown, held)
	}
}

// fill posts numbered messages and returns when all are confirmed.
func fill(t *testing.T, p peer, to string, messages, size int) {
	padding := strings.Repeat("x", size)
	for n := range messages {
		m := client.Message{Target: to, Method: "iceCandidate", EncryptedPayload: fmt.Sprint(n, " ", padding)}
		sent, err := p.Post(p.ctx, m)
		if err != nil {
			t.Error(err)
			return
		}
		if n == messages-1 {
			<-sent.Done()
			if err := sent.Err(); err != nil {
				t.Error(err)
			}
		}
	}
}
