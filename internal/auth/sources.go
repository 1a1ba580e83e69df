package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

const (
	minSecretBytes = 32 // RFC 7518 section 3.2, for HS256
	maxSecrets     = 8
	maxKeys        = 64
	maxKeyFile     = 1 << 20 // bytes
	fetchTimeout   = 10 * time.Second
)

// source is a file or a URL that keys come from. Run owns it.
type source struct {
	name  string // for the log
	read  func(context.Context) ([]byte, error)
	parse func([]byte) (keyring, error)
	every time.Duration
	url   bool // else a file

	text  []byte // as last read and understood
	keys  keyring
	due   time.Time
	err   error // of the last attempt
	known bool  // it was read and understood once
}

// refresh reads the source, and reports whether its keys changed. What cannot be read or understood leaves the keys as they are.
func (s *source) refresh(ctx context.Context) (changed bool) {
	text, err := s.read(ctx)
	if err == nil && s.known && bytes.Equal(text, s.text) {
		s.err = nil
		return false
	}
	var keys keyring
	if err == nil {
		keys, err = s.parse(text)
	}
	if s.err = err; err != nil {
		return false
	}
	s.text, s.keys, s.known = text, keys, true
	return true
}

func readFile(path string) func(context.Context) ([]byte, error) {
	return func(context.Context) ([]byte, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return limited(f)
	}
}

var errTooBig = errors.New("more than 1 MiB")

func limited(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxKeyFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read keys: %w", err)
	case len(text) > maxKeyFile:
		return nil, errTooBig
	}
	return text, nil
}

// maxRedirects is as many as net/http follows.
const maxRedirects = 10

// keepEncrypted follows redirects, but none from https to anything else: keys that come in the clear may be anyone's.
func keepEncrypted(to *http.Request, via []*http.Request) error {
	switch {
	case len(via) >= maxRedirects:
		return fmt.Errorf("%d redirects", maxRedirects)
	case via[len(via)-1].URL.Scheme == "https" && to.URL.Scheme != "https":
		return fmt.Errorf("redirected from https to %s", to.URL.Scheme)
	}
	return nil
}

// fetch reads a URL. The client's own CheckRedirect does not count.
func fetch(c *http.Client, url string) func(context.Context) ([]byte, error) {
	client := *c
	client.CheckRedirect = keepEncrypted
	return func(ctx context.Context) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return nil, fmt.Errorf("fetch keys: %w", err)
		}
		req.Header.Set("Accept", "application/jwk-set+json, application/json")
		res, err := client.Do(req)
		if err != nil {
			return nil, fmt.Errorf("fetch keys: %w", err)
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("fetch keys: HTTP status %d", res.StatusCode)
		}
		return limited(res.Body)
	}
}

// parseSecrets reads HMAC keys: one a line, the bytes of the line as they are, white space around them left out.
func parseSecrets(text []byte) (r keyring, err error) {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if len(line) < minSecretBytes {
			return r, fmt.Errorf("key %d has %d bytes, want at least %d", len(r.secrets)+1, len(line), minSecretBytes)
		}
		r.secrets = append(r.secrets, bytes.Clone(line))
	}
	if n := len(r.secrets); n == 0 || n > maxSecrets {
		return r, fmt.Errorf("%d keys, want 1 to %d, each on a line of its own", n, maxSecrets)
	}
	return r, nil
}

// parseJWKS reads the public keys of a JWK Set (RFC 7517 section 5). Those that cannot verify a token are passed over. A set without any
// that can, or with a secret of whatever kind in it, is an error.
func parseJWKS(text []byte) (r keyring, err error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return r, errors.New("not a JWK Set: want {\"keys\":[…]}")
	}
	if len(set.Keys) > maxKeys {
		return r, fmt.Errorf("%d keys, want at most %d", len(set.Keys), maxKeys)
	}
	for i, raw := range set.Keys {
		var k jose.JSONWebKey
		if k.UnmarshalJSON(raw) != nil || k.Use != "" && k.Use != "sig" {
			continue // RFC 7517 section 5: of a kind that is not known, or not for signatures
		}
		if !k.IsPublic() {
			return r, fmt.Errorf("key %d is secret: a JWK Set holds public keys", i+1)
		}
		algs := algorithmsOf(k.Key)
		if alg := jose.SignatureAlgorithm(k.Algorithm); slices.Contains(algs, alg) {
			algs = []jose.SignatureAlgorithm{alg}
		} else if alg != "" {
			algs = nil
		}
		if len(algs) > 0 {
			r.keys = append(r.keys, key{k.KeyID, k.Key, algs})
		}
	}
	if len(r.keys) == 0 {
		return r, errors.New("no public key that can verify a token")
	}
	return r, nil
}
