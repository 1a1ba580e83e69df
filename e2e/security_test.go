package e2e_test

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/rejoin-dev/rejoin/client"
	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// TestSecurityClaimsAreProven: every test that SECURITY.md names exists.
func TestSecurityClaimsAreProven(t *testing.T) {
	t.Parallel()
	claims, err := os.ReadFile("../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	err = filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		code.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((Test|Fuzz)[A-Z]\\w*)`").FindAllStringSubmatch(string(claims), -1)
	for _, n := range named {
		if !strings.Contains(code.String(), "func "+n[1]+"(") {
			t.Errorf("there is no %s", n[1])
		}
	}
	if len(named) < 15 {
		t.Errorf("only %d tests are named", len(named))
	}
}

// TestRedisHoldsNoToken: who reads all of Redis finds sealed messages and who is where, but no token to come back with.
func TestRedisHoldsNoToken(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	redis := redistest.NewServer(t)
	x := proctest.Start(t, "REDIS_URL="+redis.URL())
	room := newRoom()
	first := sessionToken(ctx, t, x.URL()+"/"+room+"?source=wallet&target=extension", "rejoin.v1")
	tokens := []string{first, sessionToken(ctx, t, x.URL()+"/"+room+"?source=wallet&target=extension", "rejoin.v1", "rejoin.resume."+first)}
	extension := dial(ctx, t, client.Config{URL: x.URL(), Room: room, Source: client.Extension})
	extension.send(extension.meet(), "offer", "sealed")
	var all strings.Builder
	for key := range strings.Lines(redis.Do("KEYS *")) {
		key = strings.TrimSuffix(key, "\n")
		switch redis.Do("TYPE " + key) {
		case "hash":
			all.WriteString(redis.Do("HGETALL " + key))
		case "stream":
			all.WriteString(redis.Do("XRANGE " + key + " - +"))
		case "zset":
			all.WriteString(redis.Do("ZRANGE " + key + " 0 -1"))
		default:
			t.Errorf("%s is a %s", key, redis.Do("TYPE "+key))
		}
	}
	if !strings.Contains(all.String(), "sealed") {
		t.Fatal("the message was not found either")
	}
	for _, token := range tokens {
		if len(token) < 32 || strings.Contains(all.String(), token) {
			t.Errorf("Redis holds the token %q", token)
		}
	}
}

// sessionToken opens a connection and returns the token of its session frame.
func sessionToken(ctx context.Context, t *testing.T, url string, protocols ...string) string {
	t.Helper()
	c, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: protocols})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	_, frame, err := c.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var session struct{ ResumeToken string }
	if err := json.Unmarshal(frame, &session); err != nil || session.ResumeToken == "" {
		t.Fatalf("got %s, %v", frame, err)
	}
	return session.ResumeToken
}
