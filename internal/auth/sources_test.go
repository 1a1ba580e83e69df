package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/rejoin-dev/rejoin/internal/auth"
)

// run keeps the keys of v until the test ends.
func run(t *testing.T, v *auth.Verifier) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.Run(t.Context())
	}()
	t.Cleanup(func() { <-done })
}

// until repeats f until it returns true.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("still not: %s", what)
		}
	}
}

// becomes waits until the token is answered with want.
func becomes(t *testing.T, v *auth.Verifier, token string, want auth.Refusal) {
	t.Helper()
	until(t, want.String(), func() bool {
		_, r := v.Admit(token, here, fresh, time.Now())
		return r == want
	})
}

// TestSecretsRotate: a new key comes first, the old one goes later, and a file without keys changes nothing.
func TestSecretsRotate(t *testing.T) {
	t.Parallel()
	path := write(t, filepath.Join(t.TempDir(), "secrets"), secret)
	v := verifier(t, auth.Config{SecretFile: path})
	run(t, v)
	newer := "b" + secret
	old, next := mint(t, says()), sign(t, jose.HS256, []byte(newer), says())
	becomes(t, v, old, auth.Admitted)
	becomes(t, v, next, auth.BadSignature)
	write(t, path, newer+"\n"+secret)
	becomes(t, v, next, auth.Admitted)
	becomes(t, v, old, auth.Admitted)
	write(t, path, newer)
	becomes(t, v, old, auth.BadSignature)
	becomes(t, v, next, auth.Admitted)
	write(t, path, "short")
	third := "c" + secret
	becomes(t, v, next, auth.Admitted)
	write(t, path, third)
	becomes(t, v, sign(t, jose.HS256, []byte(third), says()), auth.Admitted) // it is still read
}

// issuer serves a key set that can be replaced, or be away.
type issuer struct {
	server  *httptest.Server
	set     atomic.Pointer[string] // nil: away
	fetches atomic.Int64
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{}
	i.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		i.fetches.Add(1)
		if set := i.set.Load(); set != nil {
			_, _ = w.Write([]byte(*set))
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(i.server.Close)
	return i
}

func (i *issuer) publishes(t *testing.T, keys ...jose.JSONWebKey) {
	t.Helper()
	text := jwks(t, keys...)
	i.set.Store(&text)
}

func (i *issuer) verifier(t *testing.T) *auth.Verifier {
	t.Helper()
	return verifier(t, auth.Config{JWKSURL: i.server.URL, Client: i.server.Client()})
}

// TestAKeySetThatIsAway: an instance that starts meanwhile is not ready, and answers tokens with "later"; one that has keys keeps them.
func TestAKeySetThatIsAway(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := i.verifier(t)
	token := sign(t, jose.RS256, jose.JSONWebKey{Key: rsaKey(), KeyID: "1"}, says())
	if err := v.Ready(); err == nil || !strings.Contains(err.Error(), "AUTH_JWKS_URL") {
		t.Errorf("ready before the first fetch: %v", err)
	}
	run(t, v)
	becomes(t, v, token, auth.NoKeys)
	until(t, "the cause is told", func() bool { return v.Ready() != nil && strings.Contains(v.Ready().Error(), "502") })
	i.publishes(t, jose.JSONWebKey{Key: rsaKey().Public(), KeyID: "1"})
	becomes(t, v, token, auth.Admitted)
	if err := v.Ready(); err != nil {
		t.Errorf("with keys: %v", err)
	}
	i.set.Store(nil)
	before := i.fetches.Load()
	unknown := sign(t, jose.RS256, jose.JSONWebKey{Key: rsaKey(), KeyID: "2"}, says())
	if _, r := v.Admit(unknown, here, fresh, time.Now().Add(2*time.Minute)); r != auth.Fetching {
		t.Errorf("an unknown key: %s", r)
	}
	until(t, "it is fetched", func() bool { return i.fetches.Load() > before })
	becomes(t, v, unknown, auth.UnknownKey)
	if _, r := v.Admit(token, here, fresh, time.Now()); r != auth.Admitted || v.Ready() != nil {
		t.Errorf("with the keys from before: %s, %v", r, v.Ready())
	}
}

// TestAKeySetRotates: a new key ID has the set fetched, once a minute at most; a key that is not in it any more is of no use.
func TestAKeySetRotates(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.publishes(t, jose.JSONWebKey{Key: rsaKey().Public(), KeyID: "1"})
	v := i.verifier(t)
	run(t, v)
	old := sign(t, jose.RS256, jose.JSONWebKey{Key: rsaKey(), KeyID: "1"}, says())
	becomes(t, v, old, auth.Admitted)
	p256 := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	i.publishes(t, jose.JSONWebKey{Key: p256.Public(), KeyID: "2"})
	next := sign(t, jose.ES256, jose.JSONWebKey{Key: p256, KeyID: "2"}, says())
	before := i.fetches.Load()
	for range 100 {
		if _, r := v.Admit(next, here, fresh, time.Now()); r != auth.UnknownKey {
			t.Fatalf("within a minute of the last fetch: %s", r)
		}
	}
	if n := i.fetches.Load(); n != before {
		t.Errorf("%d fetches within a minute", n-before)
	}
	for range 100 {
		_, r := v.Admit(next, here, fresh, time.Now().Add(2*time.Minute))
		if r != auth.Fetching && r != auth.Admitted && r != auth.UnknownKey {
			t.Errorf("a minute later: %s", r)
		}
	}
	becomes(t, v, next, auth.Admitted)
	becomes(t, v, old, auth.UnknownKey)
}

// TestBadKeys: what cannot be keys ends the start, with the setting and the cause.
func TestBadKeys(t *testing.T) {
	t.Parallel()
	weak := must(rsa.GenerateKey(rand.Reader, 1024))
	slow := must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))
	for name, c := range map[string]struct{ secrets, jwks, want string }{
		"none at all":       {want: "no keys"},
		"a short secret":    {secrets: secret + "\nshort", want: "AUTH_SECRET_FILE: key 2 has 5 bytes"},
		"an empty file":     {secrets: "\n \n", want: "AUTH_SECRET_FILE: 0 keys"},
		"nine secrets":      {secrets: strings.Repeat(secret+"\n", 9), want: "AUTH_SECRET_FILE: 9 keys"},
		"not a key set":     {jwks: "-----BEGIN PUBLIC KEY-----", want: "AUTH_JWKS_FILE: not a JWK Set"},
		"an empty key set":  {jwks: `{"keys":[]}`, want: "AUTH_JWKS_FILE: no public key"},
		"a private key":     {jwks: jwks(t, jose.JSONWebKey{Key: rsaKey(), KeyID: "1"}), want: "AUTH_JWKS_FILE: key 1 is secret"},
		"a secret as a key": {jwks: jwks(t, jose.JSONWebKey{Key: []byte(secret), KeyID: "1"}), want: "AUTH_JWKS_FILE: key 1 is secret"},
		"a weak key":        {jwks: jwks(t, jose.JSONWebKey{Key: weak.Public(), KeyID: "1"}), want: "AUTH_JWKS_FILE: no public key"},
		"a slow key":        {jwks: jwks(t, jose.JSONWebKey{Key: slow.Public(), KeyID: "1"}), want: "AUTH_JWKS_FILE: no public key"},
		"for encryption":    {jwks: jwks(t, jose.JSONWebKey{Key: rsaKey().Public(), Use: "enc"}), want: "AUTH_JWKS_FILE: no public key"},
	} {
		cfg := auth.Config{Scope: auth.All, Logger: slog.New(slog.DiscardHandler)}
		if c.secrets != "" {
			cfg.SecretFile = write(t, filepath.Join(t.TempDir(), "secrets"), c.secrets)
		}
		if c.jwks != "" {
			cfg.JWKSFile = write(t, filepath.Join(t.TempDir(), "jwks"), c.jwks)
		}
		if _, err := auth.New(cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if c.secrets != "" {
			if _, err := auth.New(cfg); strings.Contains(err.Error(), "more than thirty") {
				t.Errorf("%s: the error tells the secret", name)
			}
		}
	}
	if _, err := auth.New(auth.Config{SecretFile: "/does/not/exist"}); err == nil || !strings.Contains(err.Error(), "/does/not/exist") {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestKeysStayEncrypted: a redirect from https to http is not followed, however many lie between; from https to https and from http on it is.
func TestKeysStayEncrypted(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.publishes(t, jose.JSONWebKey{Key: rsaKey().Public(), KeyID: "1"})
	var paths map[string]string
	redirect := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to := paths[r.URL.Path]; to != "" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		_, _ = w.Write([]byte(*i.set.Load()))
	})
	safe, clear := httptest.NewTLSServer(redirect), httptest.NewServer(redirect)
	t.Cleanup(safe.Close)
	t.Cleanup(clear.Close)
	paths = map[string]string{
		"/down": i.server.URL, "/around": safe.URL + "/down", "/up": safe.URL + "/keys", "/same": safe.URL + "/keys", "/for-ever": safe.URL + "/for-ever",
	}
	for url, good := range map[string]bool{
		safe.URL + "/keys": true, safe.URL + "/same": true, clear.URL + "/up": true, clear.URL + "/keys": true,
		safe.URL + "/down": false, safe.URL + "/around": false, clear.URL + "/around": false, safe.URL + "/for-ever": false,
	} {
		before := i.fetches.Load()
		v := verifier(t, auth.Config{JWKSURL: url, Client: safe.Client()})
		run(t, v)
		if good {
			until(t, url, func() bool { return v.Ready() == nil })
			continue
		}
		until(t, url, func() bool { return v.Ready() != nil && strings.Contains(v.Ready().Error(), "redirect") })
		if n := i.fetches.Load(); n != before {
			t.Errorf("%s: the keys were fetched in the clear", url)
		}
	}
}
