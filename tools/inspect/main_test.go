package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

type cleaned struct{ *testing.M }

func (m cleaned) Run() int {
	code := m.M.Run()
	proctest.Cleanup()
	return code
}

func TestMain(m *testing.M) { redistest.Main(cleaned{m}) }

const payload = "c0ffee"

// scene is a room on two real processes: an extension on X, and a wallet that lost its connection to Y; three messages wait for it.
type scene struct {
	redis, room, wallet, extension string
}

func newScene(t *testing.T) scene {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s := scene{redis: redistest.NewServer(t).URL()}
	x := proctest.Start(t, "REDIS_URL="+s.redis, "INSTANCE_ID=X")
	y := proctest.Start(t, "REDIS_URL="+s.redis, "INSTANCE_ID=Y")
	var id [32]byte
	_, _ = rand.Read(id[:])
	s.room = hex.EncodeToString(id[:])
	dial := func(url, source string) *client.Client {
		c, err := client.Dial(ctx, client.Config{URL: url, Room: s.room, Source: source})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Abort)
		return c
	}
	extension, wallet := dial(x.URL(), "extension"), dial(y.URL(), "wallet")
	for s.wallet == "" {
		ev, err := extension.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		switch ev := ev.(type) {
		case client.PeerConnected:
			s.wallet = ev.ID
		case client.Session:
			s.extension = ev.ClientID
			if len(ev.Peers) > 0 {
				s.wallet = ev.Peers[0].ID
			}
		}
	}
	if _, err := wallet.Detach(ctx); err != nil {
		t.Fatal(err)
	}
	for {
		ev, err := extension.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := ev.(client.PeerSuspended); ok {
			break
		}
	}
	for range 3 {
		if err := extension.Send(ctx, client.Message{Target: s.wallet, Method: "iceCandidate", EncryptedPayload: payload}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// inspect runs the command and checks that its output gives access to nothing.
func (s scene) inspect(t *testing.T, args ...string) string {
	t.Helper()
	var out strings.Builder
	if err := run(t.Context(), append([]string{"-redis", s.redis}, args...), &out); err != nil {
		t.Fatalf("inspect %v: %v", args, err)
	}
	for _, secret := range []string{s.room, s.wallet, s.extension, payload} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("inspect %v prints %q:\n%s", args, secret, &out)
		}
	}
	return out.String()
}

func TestInspectsRunningServers(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, c := range []struct {
		args []string
		want []string // lines, as regular expressions
	}{
		{[]string{"room", s.room}, []string{
			`room ` + s.room[:8] + `: 2 clients, version \d+, kept for \S+`,
			s.extension[:8] + ` +extension +wallet +rejoin\.v1 +live +X\.\S+ +live +20\S+Z +0 +0 +0-0 +0-0 +\d+`,
			s.wallet[:8] + ` +wallet +extension +rejoin\.v1 +suspended, \S+ left +Y\.\S+ +live +20\S+Z +3 +\d+ +\d+-2 +0-0 +\d+`,
		}},
		{[]string{"instance", "Y"}, []string{
			`instance Y: lease live, \S+ left; 1 clients in all 1 rooms`,
			s.room[:8] + ` +` + s.wallet[:8] + ` +wallet +extension +rejoin\.v1 +suspended, .*`,
		}},
		{[]string{"instance", "Z"}, []string{`instance Z: lease gone; 0 clients in all 1 rooms`}},
		{[]string{"totals"}, []string{
			`all 1 rooms; 1 live sessions \(0 of instances without a lease\), 1 suspended; 3 entries wait, \d+ bytes`,
			`X\.\S+ +live +1 +0 +0 +0`, `Y\.\S+ +live +0 +1 +3 +\d+`,
		}},
	} {
		out := s.inspect(t, c.args...)
		for _, line := range c.want {
			if !regexp.MustCompile(`(?m)^` + line + `$`).MatchString(out) {
				t.Errorf("inspect %v: no line %q in\n%s", c.args, line, out)
			}
		}
	}
	var room roomReport
	if err := json.Unmarshal([]byte(s.inspect(t, "-json", "room", s.room)), &room); err != nil || len(room.Clients) != 2 {
		t.Errorf("%+v, %v", room, err)
	}
	var totals totalsReport
	if err := json.Unmarshal([]byte(s.inspect(t, "-json", "totals")), &totals); err != nil || totals.Live != 1 || totals.Suspended != 1 ||
		totals.Waiting != 3 || !totals.Complete || len(totals.Instances) != 2 {
		t.Errorf("%+v, %v", totals, err)
	}
}

func TestRefusesWhatItDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{},
		{"totals"},
		{"-redis", "redis://h"},
		{"-redis", "redis://h", "room"},
		{"-redis", "redis://h", "totals", "x"},
		{"-redis", "redis://h", "all"},
		{"-redis", "http://h", "totals"},
		{"-redis", "redis://h:99999", "totals"},
		{"-redis", "redis://${HOST}", "totals"},
		{"-redis", "redis://h", "room", "a/c"},
	} {
		if err := run(t.Context(), args, &strings.Builder{}); err == nil {
			t.Errorf("inspect %v: no error", args)
		}
	}
}
