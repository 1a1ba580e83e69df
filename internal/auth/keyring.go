package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// keyring is what tokens are checked with. It is never changed, only replaced.
type keyring struct {
	secrets [][]byte // the newest first
	keys    []key
}

// key is a public key.
type key struct {
	id     string // kid; "" for one without
	public any    // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
	algs   []jose.SignatureAlgorithm
}

// maxTries is how many keys are tried for a token that does not name its own.
const maxTries = 4

var hmacs = []jose.SignatureAlgorithm{jose.HS256, jose.HS384, jose.HS512}

// accepted are the algorithms that are parsed. With each key only those that fit it are tried, see algorithmsOf.
var accepted = []jose.SignatureAlgorithm{
	jose.HS256, jose.HS384, jose.HS512, jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.EdDSA,
}

// algorithmsOf returns what a public key can verify, nil if it is of no use here. RFC 7518 section 3.3 asks for 2,048 bits of RSA at
// least; more than 8,192 would make a token that is refused expensive. So would P-521 (ES512): one signature takes an event loop 3 ms, as long as
// 30 of P-256 (BenchmarkAdmit), and a client may show forged ones as fast as it can connect. RFC 7518 does not ask for ES512 (section 3.1: "Optional").
func algorithmsOf(public any) []jose.SignatureAlgorithm {
	switch k := public.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < 2048 || bits > 8192 {
			return nil
		}
		return []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512}
	case *ecdsa.PublicKey:
		switch k.Curve.Params().BitSize {
		case 256:
			return []jose.SignatureAlgorithm{jose.ES256}
		case 384:
			return []jose.SignatureAlgorithm{jose.ES384}
		}
	case ed25519.PublicKey:
		return []jose.SignatureAlgorithm{jose.EdDSA}
	}
	return nil
}

// find returns what a token with that header may be verified with. why says why there is nothing.
func (r *keyring) find(h *jose.Header) (with []any, why Refusal) {
	alg := jose.SignatureAlgorithm(h.Algorithm)
	if slices.Contains(hmacs, alg) {
		for _, s := range r.secrets {
			with = append(with, s)
		}
		if len(with) == 0 {
			return nil, BadAlgorithm
		}
		return with, Admitted
	}
	why = BadAlgorithm
	for i := range r.keys {
		k := &r.keys[i]
		switch {
		case !slices.Contains(k.algs, alg):
		case h.KeyID != "" && k.id != "" && h.KeyID != k.id:
			why = UnknownKey
		case len(with) < maxTries:
			with = append(with, k.public)
		}
	}
	if len(with) > 0 {
		return with, Admitted
	}
	if h.KeyID != "" {
		why = UnknownKey // also when no key has its algorithm yet: keys may be rotated to another one
	}
	return nil, why
}
