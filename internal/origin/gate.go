package origin

import (
	"log/slog"
	"sync"
	"time"
)

const (
	// logEvery is how often a refused origin is logged.
	logEvery = time.Minute
	// logged is how many different origins are logged within that time; clients choose them.
	logged = 64
	// shown is how many bytes of an origin are logged.
	shown = 128
)

// Gate is a Set that logs what it refuses. It is safe for concurrent use.
type Gate struct {
	set Set
	log *slog.Logger

	mu     sync.Mutex
	last   map[string]time.Time // when each origin was last logged
	silent int                  // refusals not logged since the last line
}

// NewGate returns a Gate that allows the listed origins, see [Parse].
func NewGate(list []string, log *slog.Logger) (*Gate, error) {
	set, err := Parse(list)
	if err != nil {
		return nil, err
	}
	return &Gate{set: set, log: log, last: map[string]time.Time{}}, nil
}

// Allows is Set.Allows. It logs each refused origin once a minute.
func (g *Gate) Allows(origin string) bool {
	if g.set.Allows(origin) {
		return true
	}
	origin = origin[:min(len(origin), shown)]
	if silent, due := g.due(origin, time.Now()); due {
		g.log.Warn("origin refused: not in ALLOWED_ORIGINS", "origin", origin, "refusals_not_logged", silent)
	}
	return false
}

// due reports whether to log a refusal, and how many were skipped before it.
func (g *Gate) due(origin string, now time.Time) (silent int, due bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	last, known := g.last[origin]
	if !known && len(g.last) >= logged {
		for o, at := range g.last {
			if now.Sub(at) >= logEvery {
				delete(g.last, o)
			}
		}
	}
	if known && now.Sub(last) < logEvery || !known && len(g.last) >= logged {
		g.silent++
		return 0, false
	}
	g.last[origin] = now
	silent, g.silent = g.silent, 0
	return silent, true
}
