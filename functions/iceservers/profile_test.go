package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/turn/v5"

	"github.com/rejoin-dev/rejoin/internal/turntest"
)

// filled runs -profile and returns the lines of the form: name of a field to what it holds, each in order.
func filled(t *testing.T, args []string, environ ...string) (fields map[string][]string, text string) {
	t.Helper()
	var out bytes.Buffer
	if err := runWith(t.Context(), args, environ, &out); err != nil {
		t.Fatal(err)
	}
	fields = map[string][]string{}
	for _, m := range regexp.MustCompile(`(?m)^([A-Z]\w+(?: \w+)?) {2,}(\S+)$`).FindAllStringSubmatch(out.String(), -1) {
		fields[m[1]] = append(fields[m[1]], m[2])
	}
	return fields, out.String()
}

func one(t *testing.T, fields map[string][]string, name string) string {
	t.Helper()
	if len(fields[name]) != 1 {
		t.Fatalf("%s: %v", name, fields)
	}
	return fields[name][0]
}

func TestProfile(t *testing.T) {
	t.Parallel()
	fields, text := filled(t, []string{"-profile", "wss://signal.example.com"},
		"TURN_URLS=turn:192.0.2.1:3478?transport=udp,turn:192.0.2.1:3478?transport=tcp", "STUN_URLS=stun:192.0.2.1:3478", secret)
	for name, want := range map[string]string{
		"Name": "signal.example.com", "Signaling server": "wss://signal.example.com/", "STUN URL": "stun:192.0.2.1:3478",
		"TURN URL": "turn:192.0.2.1:3478?transport=udp turn:192.0.2.1:3478?transport=tcp",
	} {
		if got := strings.Join(fields[name], " "); got != want {
			t.Errorf("%s: %q, want %q\n%s", name, got, want, text)
		}
	}
	ends, user, _ := strings.Cut(one(t, fields, "TURN username"), ":")
	seconds, err := strconv.ParseInt(ends, 10, 64)
	if err != nil || user != "wallet" {
		t.Fatalf("username %s", one(t, fields, "TURN username"))
	}
	if left := time.Until(time.Unix(seconds, 0)); left < aYear-time.Hour || left > aYear+time.Hour {
		t.Errorf("it is good for %s", left)
	}
	if strings.Contains(text, "0123456789abcdef") {
		t.Errorf("the secret is printed:\n%s", text)
	}
}

// TestProfileEndsInOneSlash: a path in front stays, and the URL can be continued by a connectionId as it is.
func TestProfileEndsInOneSlash(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"wss://a.example.com/": "wss://a.example.com/", "wss://a.example.com//": "wss://a.example.com/",
		"wss://a.example.com:8443/signal": "wss://a.example.com:8443/signal/", "ws://192.0.2.1:4000": "ws://192.0.2.1:4000/",
	} {
		fields, text := filled(t, []string{"--profile", given, "-name", "mine"}, "STUN_URLS=stun:192.0.2.1")
		if one(t, fields, "Signaling server") != want || one(t, fields, "Name") != "mine" || fields["TURN username"] != nil {
			t.Errorf("%s: %v", given, fields)
		}
		if strings.Contains(text, "not encrypted") != strings.HasPrefix(given, "ws:") {
			t.Errorf("%s says:\n%s", given, text)
		}
	}
}

func TestProfileRefuses(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		`-profile "signal.example.com"`:            {"-profile", "signal.example.com"},
		`-profile "https://signal.example.com"`:    {"-profile", "https://signal.example.com"},
		`-profile "wss://signal.example.com/?a=b"`: {"-profile", "wss://signal.example.com/?a=b"},
		`-profile "wss://u:p@signal.example.com"`:  {"-profile", "wss://u:p@signal.example.com"},
		`-user "a:b"`:                {"-profile", "wss://a", "-user", "a:b"},
		"-for 1m0s: want":            {"-profile", "wss://a", "-for", "1m"},
		"-for 876000h0m0s: want":     {"-profile", "wss://a", "-for", "876000h"},
		`unexpected argument "more"`: {"-profile", "wss://a", "more"},
		"flag needs an argument":     {"-profile"},
	} {
		if err := runWith(context.Background(), args, []string{turnURL, secret}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", args, err, want)
		}
	}
	// Settings that are bad are reported as the service reports them.
	if err := runWith(context.Background(), []string{"-profile", "wss://a"}, nil, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "TURN_URLS: want this") {
		t.Errorf("without servers: %v", err)
	}
	for _, args := range [][]string{{"-profile", "-h"}, {"-profile", "wss://a", "-h"}} {
		var out bytes.Buffer
		if err := runWith(context.Background(), args, nil, &out); !errors.Is(err, flag.ErrHelp) || !strings.Contains(out.String(), "-for duration") {
			t.Errorf("%q: %v\n%s", args, err, out.String())
		}
	}
}

// TestCoturnTakesTheProfile: with a secret of its own beside that of the service; when it is taken away, the profile is of no use any
// more and credentials of the service are as good as before. Its quota is its user's.
func TestCoturnTakesTheProfile(t *testing.T) {
	t.Parallel()
	const own = "the secret of the wallets alone"
	file := filepath.Join(t.TempDir(), "wallet")
	if err := os.WriteFile(file, []byte(own+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	with := turntest.Start(t, "--static-auth-secret="+own, "--user-quota=1")
	without := turntest.Start(t)
	fields, _ := filled(t, []string{"-profile", "wss://a.example.com"}, "TURN_URLS="+with.URLs()[0], "TURN_SECRET_FILE="+file)
	user, password := one(t, fields, "TURN username"), one(t, fields, "TURN password")

	if err := allocated(t, with.Addr, user, password); err != nil {
		t.Errorf("coturn refuses the profile: %v", err)
	}
	if err := allocated(t, with.Addr, user, password); err == nil {
		t.Error("a second allocation within a quota of one")
	}
	service := ask(t, "GET", start(t, "TURN_URLS="+with.URLs()[0], "TURN_SECRET="+with.Secret)+"/ice-servers").servers(t).ICEServers[0]
	if err := allocated(t, with.Addr, service.Username, service.Credential); err != nil {
		t.Errorf("the service's credential beside it: %v", err)
	}
	if err := allocated(t, without.Addr, user, password); err == nil {
		t.Error("still good where its secret was taken away")
	}
}

// allocated asks for a relayed address, and keeps it until the test ends.
func allocated(t *testing.T, address, user, password string) error {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	client, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: address, Username: user, Password: password, Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	relay, err := client.AllocateWithContext(ctx)
	if err == nil {
		t.Cleanup(func() { _ = relay.Close() })
	}
	return err
}
