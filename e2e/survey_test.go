package e2e_test

import (
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

// A Redis on which Rejoin cannot work ends the start, with one line that says what it lacks.
func TestARedisWithoutScriptsEndsTheStart(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	p := proctest.Launch(t, "REDIS_URL="+redistest.NewServer(t, "--rename-command", "EVAL", "").URL())
	if err := p.Wait(ctx); err == nil {
		t.Error("status 0")
	}
	if !strings.Contains(p.Log(), "this Redis cannot serve Rejoin") || !strings.Contains(p.Log(), "no Lua scripts") {
		t.Errorf("log: %s", p.Log())
	}
}

// One line says what Redis is, and what to mend.
func TestTheLogSaysWhatRedisIs(t *testing.T) {
	t.Parallel()
	ctx := limit(t)
	p := proctest.Start(t, "REDIS_URL="+redistest.Server(t))
	waitFor(ctx, t, "the line", func() bool { return strings.Contains(p.Log(), `"msg":"redis"`) })
	if !strings.Contains(p.Log(), `"topology":"single"`) || !strings.Contains(p.Log(), "keeps nothing over a restart") {
		t.Errorf("log: %s", p.Log())
	}
}
