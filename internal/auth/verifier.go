package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rejoin-dev/rejoin/internal/wire"
)

// Scope says which clients must show a token.
type Scope string

// The values of AUTH.
const (
	Off      Scope = "off"
	RejoinV1 Scope = "rejoin.v1" // clients of that dialect; plain ones are let in as ever
	All      Scope = "all"
)

// MaxTokenBytes is the length of the longest token.
const MaxTokenBytes = 8 << 10

// Config is what a Verifier can be told. One of the sources of keys has to be named.
type Config struct {
	Scope                         Scope // RejoinV1 or All
	SecretFile, JWKSFile, JWKSURL string
	Issuer, Audience              string // checked unless empty
	// Grace is for how long after its exp a token is taken from a client that resumes a session.
	Grace time.Duration

	Client     *http.Client // for JWKSURL; nil: http.DefaultClient
	Registerer prometheus.Registerer
	Logger     *slog.Logger
}

// How often sources are looked at.
const (
	fileEvery  = 2 * time.Second
	fetchEvery = 5 * time.Minute
	// fetchAgain is the least time between two fetches: for unknown key IDs, which any client can make up, and when one failed.
	fetchAgain = time.Minute
	// firstAgain is the same while there are no keys at all.
	firstAgain = time.Second
)

// Verifier checks tokens. Make it with New, and have Run keep its keys. Its methods are safe for concurrent use.
type Verifier struct {
	cfg    Config
	log    *slog.Logger
	counts [refusals]prometheus.Counter

	Revocations Revocations

	ring     atomic.Pointer[keyring]
	fetches  bool         // there is a JWKSURL
	fetched  atomic.Int64 // when the last fetch began, Unix ns
	fetching atomic.Bool
	wanted   chan struct{} // a key ID is not known

	mu      sync.Mutex
	missing string // guarded by mu: why there are no keys of a source yet, "" if there are

	sources []*source // owned by Run, and by New before
}

// New makes a Verifier with the keys of the files, which have to be good. Keys of a URL are fetched by Run: until then Ready says that
// they are missing, and tokens are answered with NoKeys.
func New(cfg Config) (*Verifier, error) {
	v := &Verifier{cfg: cfg, log: cfg.Logger, wanted: make(chan struct{}, 1), fetches: cfg.JWKSURL != ""}
	if v.cfg.Client == nil {
		v.cfg.Client = http.DefaultClient
	}
	v.register()
	var errs []error
	file := func(setting, path string, parse func([]byte) (keyring, error)) {
		if path == "" {
			return
		}
		s := &source{name: setting, read: readFile(path), parse: parse, every: fileEvery}
		if s.refresh(context.Background()); s.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", setting, s.err))
		}
		v.sources = append(v.sources, s)
	}
	file("AUTH_SECRET_FILE", cfg.SecretFile, parseSecrets)
	file("AUTH_JWKS_FILE", cfg.JWKSFile, parseJWKS)
	if v.fetches {
		s := &source{name: "AUTH_JWKS_URL", read: fetch(v.cfg.Client, cfg.JWKSURL), parse: parseJWKS, every: fetchEvery, url: true, err: errors.New("not fetched yet")}
		v.sources = append(v.sources, s)
	}
	if len(v.sources) == 0 {
		errs = append(errs, errors.New("no keys: want AUTH_SECRET_FILE, AUTH_JWKS_FILE or AUTH_JWKS_URL"))
	}
	v.publish()
	return v, errors.Join(errs...)
}

func (v *Verifier) register() {
	metrics := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rejoin_auth_total", Help: "Upgrades that had to show a token, by what became of them.",
	}, []string{"result"})
	for r := range refusals {
		v.counts[r] = metrics.WithLabelValues(r.String())
	}
	if v.cfg.Registerer != nil {
		v.cfg.Registerer.MustRegister(metrics)
	}
}

// publish makes the keys of all sources the ones that tokens are checked with.
func (v *Verifier) publish() {
	all := &keyring{}
	missing := ""
	for _, s := range v.sources {
		all.secrets = append(all.secrets, s.keys.secrets...)
		all.keys = append(all.keys, s.keys.keys...)
		if !s.known && s.err != nil {
			missing = fmt.Sprintf("auth: no keys from %s: %v", s.name, s.err)
		}
	}
	v.ring.Store(all)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.missing = missing
}

// Ready says why tokens cannot be checked, nil if they can.
func (v *Verifier) Ready() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.missing == "" {
		return nil
	}
	return errors.New(v.missing)
}

// Run reads the sources again when they are due, until ctx ends. It blocks.
func (v *Verifier) Run(ctx context.Context) {
	for {
		next := v.refresh(ctx, time.Now())
		timer := time.NewTimer(time.Until(next))
		select {
		case <-timer.C:
		case <-v.wanted:
			for _, s := range v.sources {
				if s.url {
					s.due = time.Time{}
				}
			}
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// refresh reads the sources that are due, and returns when the next one is.
func (v *Verifier) refresh(ctx context.Context, now time.Time) (next time.Time) {
	for _, s := range v.sources {
		if !s.due.After(now) {
			v.read(ctx, s, now)
		}
		if next.IsZero() || s.due.Before(next) {
			next = s.due
		}
	}
	return next
}

// read reads one source, and says so when its keys changed, or when that began to fail.
func (v *Verifier) read(ctx context.Context, s *source, now time.Time) {
	if s.url {
		v.fetched.Store(now.UnixNano())
		v.fetching.Store(true)
	}
	before := fmt.Sprint(s.err)
	known := s.known
	changed := s.refresh(ctx)
	s.due = now.Add(s.every)
	switch {
	case ctx.Err() != nil:
	case s.err != nil:
		if s.url && known {
			s.due = now.Add(fetchAgain)
		} else if s.url {
			s.due = now.Add(firstAgain)
		}
		if fmt.Sprint(s.err) != before {
			v.log.Warn("auth keys not read; those from before stay", "from", s.name, "keys_known", known, "error", s.err)
		}
	case changed:
		v.log.Info("auth keys read", "from", s.name, "secrets", len(s.keys.secrets), "public_keys", len(s.keys.keys))
	}
	v.publish()
	if s.url {
		v.fetching.Store(false)
	}
}

// MayBeToken reports whether text looks like a token, a JWT.
func MayBeToken(text string) bool { return strings.Count(text, ".") == 2 }

// Needs says whether a client of that dialect has to show a token.
func (v *Verifier) Needs(d wire.Dialect) bool { return v.cfg.Scope == All || d == wire.RejoinV1 }

// Admit decides whether a client may connect, with the token that it shows, "" for none. It costs memory and processor time only.
func (v *Verifier) Admit(token string, c wire.Connect, o *wire.Offer, now time.Time) (*wire.Identity, Refusal) {
	late := time.Duration(0)
	if o.Resume {
		late = v.cfg.Grace
	}
	id, refusal := v.check(token, c, late, now)
	v.counts[refusal].Inc()
	return id, refusal
}

func (v *Verifier) check(token string, c wire.Connect, late time.Duration, now time.Time) (*wire.Identity, Refusal) {
	switch {
	case token == "":
		return nil, NoToken
	case len(token) > MaxTokenBytes:
		return nil, TooLong
	case !MayBeToken(token):
		return nil, Malformed
	}
	parsed, err := jwt.ParseSigned(token, accepted)
	if err != nil || len(parsed.Headers) != 1 {
		return nil, refusalOf(err)
	}
	var said claims // not to be believed yet, but if it is bad already no signature needs to be checked
	if parsed.UnsafeClaimsWithoutVerification(&said) != nil {
		return nil, Malformed
	}
	if r := said.fits(&v.cfg, now, late); r != Admitted {
		return nil, r
	}
	with, r := v.ring.Load().find(&parsed.Headers[0])
	if r != Admitted {
		return nil, v.unknown(r, now)
	}
	if !verified(parsed, with) {
		return nil, BadSignature
	}
	if r := said.covers(c); r != Admitted {
		return nil, r
	}
	id := &wire.Identity{User: said.Subject, TokenID: said.ID, Expires: said.Expiry.Time(), Late: !now.Before(said.Expiry.Time())}
	if v.Revocations.Has(id, now) {
		return nil, Revoked
	}
	return id, Admitted
}

// refusalOf tells an algorithm that is not taken from a token that makes no sense.
func refusalOf(err error) Refusal {
	var other *jose.ErrUnexpectedSignatureAlgorithm
	if errors.As(err, &other) {
		return BadAlgorithm
	}
	return Malformed
}

// verified says whether one of the keys made the signature.
func verified(token *jwt.JSONWebToken, with []any) bool {
	for _, key := range with {
		if token.Claims(key) == nil {
			return true
		}
	}
	return false
}

// unknown has the key set fetched when a token's key is not in it. Until that is done its client is told to come back, for it may be
// right; any client can make up key IDs, so that happens once a minute at most.
func (v *Verifier) unknown(why Refusal, now time.Time) Refusal {
	switch {
	case v.Ready() != nil:
		return NoKeys
	case why != UnknownKey || !v.fetches:
		return why
	case v.fetching.Load():
		return Fetching
	}
	last := v.fetched.Load()
	if now.UnixNano()-last < fetchAgain.Nanoseconds() || !v.fetched.CompareAndSwap(last, now.UnixNano()) {
		return why
	}
	v.fetching.Store(true) // until Run is done with it
	select {
	case v.wanted <- struct{}{}:
	default:
	}
	return Fetching
}
