package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rejoin-dev/rejoin/functions/internal/settings"
	"github.com/rejoin-dev/rejoin/internal/auth"
	"github.com/rejoin-dev/rejoin/streams"
)

// Auth is the group of settings for clients' tokens and the operator's.
type Auth struct {
	AuthScope      string `env:"AUTH" envDefault:"off" help:"which clients must show a token (JWT): off, rejoin.v1 (plain clients need none), all"`
	AuthSecretFile string `env:"AUTH_SECRET_FILE" help:"file with HMAC keys for tokens, 32 bytes or more each, one a line; read again when it changes"`
	AuthJWKSFile   string `env:"AUTH_JWKS_FILE" help:"file with public keys for tokens, a JWK Set; read again when it changes"`
	AuthJWKSURL    string `env:"AUTH_JWKS_URL" help:"the same at a URL; read again every 5 minutes, and for a key that is not known, once a minute at most"`
	AuthIssuer     string `env:"AUTH_ISSUER" help:"iss that tokens must have; empty: any"`
	AuthAudience   string `env:"AUTH_AUDIENCE" help:"aud that tokens must name; empty: any"`
	AdminTokenFile string `env:"ADMIN_TOKEN_FILE" help:"file with the bearer token of the operator's calls on HTTP_PORT, 32 bytes or more, several one a line; empty: no such calls"`
}

// Check returns a line for each setting that is bad. Files are looked at when the service is made.
func (a *Auth) Check() (bad []string) {
	want := func(ok bool, format string, args ...any) {
		if !ok {
			bad = append(bad, fmt.Sprintf(format, args...))
		}
	}
	scope := auth.Scope(a.AuthScope)
	want(scope == auth.Off || scope == auth.RejoinV1 || scope == auth.All, "AUTH=%q: want off, rejoin.v1 or all", a.AuthScope)
	keys := a.AuthSecretFile + a.AuthJWKSFile + a.AuthJWKSURL
	want(scope == auth.Off || keys != "", "AUTH=%s: want AUTH_SECRET_FILE, AUTH_JWKS_FILE or AUTH_JWKS_URL", a.AuthScope)
	want(scope != auth.Off || keys+a.AuthIssuer+a.AuthAudience == "", "AUTH=off: want rejoin.v1 or all, for other AUTH_ settings are set")
	if a.AuthJWKSURL != "" {
		err := settings.CheckURL(a.AuthJWKSURL)
		want(err == nil, "AUTH_JWKS_URL: %v", err)
	}
	return bad
}

// verifier makes what checks tokens, nil when AUTH is off.
func (a *Auth) verifier(grace time.Duration, reg prometheus.Registerer, log *slog.Logger) (*auth.Verifier, error) {
	if auth.Scope(a.AuthScope) == auth.Off {
		return nil, nil
	}
	return auth.New(auth.Config{
		Scope: auth.Scope(a.AuthScope), SecretFile: a.AuthSecretFile, JWKSFile: a.AuthJWKSFile, JWKSURL: a.AuthJWKSURL,
		Issuer: a.AuthIssuer, Audience: a.AuthAudience, Grace: grace, Registerer: reg, Logger: log,
	})
}

// operator reads ADMIN_TOKEN_FILE, nil when it is not set.
func (a *Auth) operator(log *slog.Logger) (*auth.Secrets, error) {
	if a.AdminTokenFile == "" {
		return nil, nil
	}
	return auth.NewSecrets("ADMIN_TOKEN_FILE", a.AdminTokenFile, log)
}

// revoked takes what Redis says of revocations. Those that it has lost are given back to it.
func (s *service) revoked(list []streams.Revocation, whole bool) {
	known := &s.verifier.Revocations
	all := map[auth.Tokens]bool{}
	for _, r := range list {
		if what, ok := auth.ParseTokens(r.Name); ok {
			known.Set(what, r.Until)
			all[what] = true
		}
	}
	if whole {
		for what, until := range known.Forget(time.Now(), all) {
			s.backbone.Revoke(streams.Revocation{Name: what.Name(), Until: until}, func(error) {}) // tried again at the next look
		}
	}
	s.hub.Recheck()
}

// keepSecrets reads files and key sets again when they change, until ctx ends.
func (s *service) keepSecrets(ctx context.Context) (running []func()) {
	if s.verifier != nil {
		running = append(running, func() { s.verifier.Run(ctx) })
	}
	if s.operator != nil {
		running = append(running, func() { s.operator.Run(ctx) })
	}
	return running
}
