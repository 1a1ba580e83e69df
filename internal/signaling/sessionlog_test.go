package signaling_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rejoin-dev/rejoin/internal/signaling"
	"github.com/rejoin-dev/rejoin/streams"
)

func endOf(how string) *streams.SessionEnd {
	return &streams.SessionEnd{
		Room: newRoom().String(), Client: newID(), Role: "w", Dialect: 'r', Instance: "there", Reason: how, Lasted: time.Minute, Connections: 2,
		Tally: streams.Tally{In: 3, Out: 4}, Replayed: 5, Superseded: 6,
	}
}

// logs returns a hub that logs into the buffer.
func logs(level slog.Level) (*signaling.Hub, *bytes.Buffer) {
	var b bytes.Buffer
	cfg := testConfig()
	cfg.Logger = slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: level}))
	return signaling.NewHub(cfg, &sink{}), &b
}

// An intended end is logged at debug; an unintended one, or one with undelivered messages, at info.
func TestLogsEndsByWhatBecameOfThem(t *testing.T) {
	t.Parallel()
	for how, level := range map[string]string{"left": "DEBUG", "drained": "DEBUG", "rotated": "DEBUG", "expired": "INFO", "lost": "INFO", "policy": "INFO"} {
		for _, undelivered := range []int{0, 1} {
			hub, b := logs(slog.LevelDebug)
			e := endOf(how)
			e.Undelivered = undelivered
			hub.SessionEnded(e)
			want := level
			if undelivered > 0 {
				want = "INFO"
			}
			var line map[string]any
			if err := json.Unmarshal(b.Bytes(), &line); err != nil {
				t.Fatalf("%s: %v in %s", how, err, b)
			}
			delete(line, "time")
			for key, v := range map[string]any{
				"level": want, "msg": "session ended", "how": how, "room": e.Room[:8], "client": e.Client[:8], "role": "wallet", "dialect": "rejoin.v1",
				"held_by": "there", "seconds": 60., "connections": 2., "messages_in": 3., "messages_out": 4., "replayed": 5., "superseded": 6.,
				"undelivered": float64(undelivered),
			} {
				if line[key] != v {
					t.Errorf("%s: %s is %v, want %v", how, key, line[key], v)
				}
				delete(line, key)
			}
			if len(line) > 0 {
				t.Errorf("%s: more than that: %v", how, line)
			}
		}
	}
}

// Many ends at once log few info lines, which say how many were left out.
func TestBoundsLinesAboutEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub, b := logs(slog.LevelInfo)
		for range 1000 {
			hub.SessionEnded(endOf("expired"))
		}
		if n := strings.Count(b.String(), "\n"); n != 20 {
			t.Errorf("%d lines", n)
		}
		b.Reset()
		time.Sleep(time.Second)
		hub.SessionEnded(endOf("expired"))
		if !strings.Contains(b.String(), `"lines_left_out":980}`) {
			t.Errorf("got %s", b)
		}
	})
}

// A line that is not printed costs nothing.
func TestEndsAreQuiet(t *testing.T) {
	for how, level := range map[string]slog.Level{"left": slog.LevelInfo, "expired": slog.LevelWarn} {
		hub, b := logs(level)
		e := endOf(how)
		if n := testing.AllocsPerRun(100, func() { hub.SessionEnded(e) }); n != 0 || b.Len() > 0 {
			t.Errorf("%s: %v allocations, %q", how, n, b)
		}
	}
}
