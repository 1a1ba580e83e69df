package streams_test

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/streams"
)

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Whatever is wrong with Redis, readiness and the log name the first cause in words, and the log does not fill with it. R35.
func TestReadySaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	guarded := redistest.NewServer(t)
	guarded.Do("CONFIG SET requirepass secret")
	open := redistest.NewServer(t)
	replica := redistest.NewServer(t)
	replica.Do("REPLICAOF 127.0.0.1 1")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	for name, c := range map[string]struct{ url, want string }{
		"no password":    {guarded.URL(), "a password is wanted"},
		"wrong password": {"redis://:wrong@" + guarded.Addr(), "user or password in REDIS_URL are refused"},
		"no database":    {open.URL() + "/99", "there is no such database"},
		"no TLS":         {"rediss://" + open.Addr(), "TLS"},
		"no such host":   {"redis://redis.invalid:6379", "the host in REDIS_URL has no address"},
		"no server":      {"redis://" + closed, "cannot connect"},
		"a replica":      {replica.URL(), "this is a replica, not the primary"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := &lockedBuffer{}
			in := (&place{url: c.url}).start(t, func(o *streams.Options) { o.Logger = slog.New(slog.NewTextHandler(log, nil)) })
			until(t, "it says why", func() bool {
				err := in.Ready()
				return err != nil && strings.Contains(err.Error(), c.want) && strings.Contains(log.String(), c.want)
			})
			if strings.Contains(in.Ready().Error()+log.String(), "secret") {
				t.Error("the password is told")
			}
			if n := strings.Count(log.String(), "\n"); n > 10 {
				t.Errorf("%d lines in the log", n)
			}
		})
	}
}
