package streams_test

import (
	"context"
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/redistest"
	"github.com/rejoin-dev/rejoin/streams"
)

// What an operator should know about a Redis is found at start. What cannot be learned is not guessed.
func TestSurvey(t *testing.T) {
	t.Parallel()
	replica, primary := redistest.NewServer(t), redistest.NewServer(t)
	replica.Do("REPLICAOF 127.0.0.1 " + primary.Addr()[strings.LastIndexByte(primary.Addr(), ':')+1:])
	for name, c := range map[string]struct {
		url        func(s *redistest.Standalone) string
		impossible string
		problem    string
		topology   string
	}{
		"good":          {url: func(s *redistest.Standalone) string { s.Do("CONFIG SET appendonly yes"); return s.URL() }},
		"keeps nothing": {problem: "keeps nothing over a restart"},
		"evicts": {
			url: func(s *redistest.Standalone) string {
				s.Do("CONFIG SET maxmemory 100mb")
				s.Do("CONFIG SET maxmemory-policy volatile-lru")
				return s.URL()
			},
			problem: "maxmemory-policy volatile-lru evicts mailboxes",
		},
		"a replica": {url: func(*redistest.Standalone) string { return replica.URL() }, problem: "this is a replica"},
		"one node of a cluster": {
			url: func(*redistest.Standalone) string {
				url := redistest.Cluster(t)
				return url[:strings.IndexByte(url, ',')]
			},
			topology: "cluster",
		},
		"an ACL without scripts": {
			url: func(s *redistest.Standalone) string {
				s.Do("ACL SETUSER limited on >pw ~* &* +@all -eval")
				return "redis://limited:pw@" + s.Addr()
			},
			problem: "the user's ACL does not allow this",
		},
		"an ACL without channels": {
			url: func(s *redistest.Standalone) string {
				s.Do("ACL SETUSER limited on >pw ~* +@all")
				return "redis://limited:pw@" + s.Addr()
			},
			problem: "SUBSCRIBE: redis: the user's ACL does not allow this",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := func(s *redistest.Standalone) string { return s.URL() }
			if c.url != nil {
				url = c.url
			}
			if c.topology == "" {
				c.topology = "single"
			}
			in := (&place{url: url(redistest.NewServer(t))}).start(t)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			got, ok := in.Survey(ctx)
			if !ok || got.Product == "" || !strings.Contains(got.Version, ".") || got.Topology != c.topology {
				t.Errorf("%t, %+v", ok, got)
			}
			if got.Impossible != nil {
				t.Errorf("impossible: %v", got.Impossible)
			}
			problems := strings.Join(got.Problems, "; ")
			if c.problem == "" && name == "good" && problems != "" || !strings.Contains(problems, c.problem) {
				t.Errorf("problems %q, want %q", problems, c.problem)
			}
		})
	}
}

// A server without scripts, or with streams that are too old, is refused with what it lacks. No such server is to be had here, so its
// answers are put in the place of a real one's.
func TestSurveySaysWhatMakesRejoinImpossible(t *testing.T) {
	t.Parallel()
	for reply, want := range map[string]string{
		"ERR unknown command 'eval', with args beginning with: 'redis.call'":                                    "no Lua scripts",
		"ERR Invalid stream ID specified as stream command argument script: 1f, on @user_script:3.":             "Redis 7.0",
		"ERR Error running script (call to f_1f): @user_script:3: ERR Invalid stream ID specified as stream co": "Redis 7.0",
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			f := &faulty{}
			in := (&place{url: redistest.Server(t)}).start(t, func(o *streams.Options) { o.Dialer = f.dial })
			f.failEval(reply)
			got, _ := in.Survey(t.Context())
			if got.Impossible == nil || !strings.Contains(got.Impossible.Error(), want) {
				t.Errorf("%+v", got)
			}
		})
	}
}
