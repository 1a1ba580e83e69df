package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// Secrets are those of a file that is read again when it changes: 32 bytes or more each, one a line, 8 at most. Any of them is good, so that they
// can be replaced without a gap.
type Secrets struct {
	source source
	log    *slog.Logger
	hashes atomic.Pointer[[][sha256.Size]byte]
}

// NewSecrets reads the file that a setting names.
func NewSecrets(setting, path string, log *slog.Logger) (*Secrets, error) {
	s := &Secrets{source: source{name: setting, read: readFile(path), parse: parseSecrets}, log: log}
	s.refresh(context.Background())
	if s.source.err != nil {
		return nil, fmt.Errorf("%s: %w", setting, s.source.err)
	}
	return s, nil
}

// Has says whether text is one of them, in a time that tells nothing of how near it came. It is safe for concurrent use.
func (s *Secrets) Has(text string) bool {
	sum, found := sha256.Sum256([]byte(text)), 0
	for _, h := range *s.hashes.Load() {
		found |= subtle.ConstantTimeCompare(sum[:], h[:])
	}
	return found == 1
}

// Run reads the file again now and then, until ctx ends. It blocks.
func (s *Secrets) Run(ctx context.Context) {
	tick := time.NewTicker(fileEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.refresh(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (s *Secrets) refresh(ctx context.Context) {
	before := fmt.Sprint(s.source.err)
	changed := s.source.refresh(ctx)
	if err := s.source.err; err != nil && fmt.Sprint(err) != before && s.source.known {
		s.log.Warn("secrets not read; those from before stay", "from", s.source.name, "error", err)
	}
	if !changed {
		return
	}
	var hashes [][sha256.Size]byte
	for _, secret := range s.source.keys.secrets {
		hashes = append(hashes, sha256.Sum256(secret))
	}
	s.hashes.Store(&hashes)
}
