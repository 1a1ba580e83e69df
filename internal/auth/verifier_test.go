package auth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/rejoin-dev/rejoin/internal/auth"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

const secret = "a secret of more than thirty-two bytes, and of more than sixty-four of them"

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// says are the claims of a token that is good for an hour, in any room.
func says() map[string]any {
	return map[string]any{"exp": time.Now().Add(time.Hour).Unix(), "room": "*", "sub": "ada", "jti": "1"}
}

// with returns those claims with others in place of them; nil takes one out.
func with(pairs ...any) map[string]any {
	c := says()
	for i := 0; i < len(pairs); i += 2 {
		name := pairs[i].(string)
		if c[name] = pairs[i+1]; pairs[i+1] == nil {
			delete(c, name)
		}
	}
	return c
}

func sign(tb testing.TB, alg jose.SignatureAlgorithm, key, claims any) string {
	tb.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

func mint(tb testing.TB, claims any) string {
	tb.Helper()
	return sign(tb, jose.HS256, []byte(secret), claims)
}

func write(tb testing.TB, path, text string) string {
	tb.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil { // as ConfigMaps and editors do
		tb.Fatal(err)
	}
	return path
}

func jwks(tb testing.TB, keys ...jose.JSONWebKey) string {
	tb.Helper()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

func verifier(tb testing.TB, cfg auth.Config) *auth.Verifier {
	tb.Helper()
	if cfg.SecretFile == "" && cfg.JWKSFile == "" && cfg.JWKSURL == "" {
		cfg.SecretFile = write(tb, filepath.Join(tb.TempDir(), "secrets"), secret+"\n")
	}
	if cfg.Scope == "" {
		cfg.Scope = auth.All
	}
	cfg.Grace, cfg.Logger = time.Minute, slog.New(slog.DiscardHandler)
	v, err := auth.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

var (
	room, _  = wire.ParseRoomID(strings.Repeat("ab", 32))
	here     = wire.Connect{Room: room, Source: wire.Wallet}
	fresh    = &wire.Offer{Dialect: wire.RejoinV1}
	resuming = &wire.Offer{Dialect: wire.RejoinV1, Resume: true}
)

func TestATokenLetsIn(t *testing.T) {
	t.Parallel()
	p256 := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[jose.SignatureAlgorithm]crypto.Signer{
		jose.RS256: rsaKey(), jose.RS384: rsaKey(), jose.RS512: rsaKey(), jose.PS256: rsaKey(), jose.PS384: rsaKey(), jose.PS512: rsaKey(),
		jose.ES256: p256, jose.ES384: p384, jose.EdDSA: ed,
	}
	var set []jose.JSONWebKey
	for alg, k := range keys {
		if alg != jose.RS384 && alg != jose.PS256 { // one RSA key is in the set with an alg, one without
			set = append(set, jose.JSONWebKey{Key: k.Public(), KeyID: string(alg), Algorithm: string(alg)})
		}
	}
	set = append(set, jose.JSONWebKey{Key: rsaKey().Public(), KeyID: "any", Use: "sig"})
	dir := t.TempDir()
	v := verifier(t, auth.Config{
		SecretFile: write(t, filepath.Join(dir, "secrets"), "an older secret that has also more than enough bytes for all of this\n\n  "+secret+"\r\n"),
		JWKSFile:   write(t, filepath.Join(dir, "jwks"), jwks(t, set...)), Issuer: "https://issuer.example", Audience: "rejoin",
	})
	claims := with("iss", "https://issuer.example", "aud", []string{"other", "rejoin"}, "nbf", time.Now().Unix())
	for alg, k := range keys {
		if _, r := v.Admit(sign(t, alg, k, claims), here, fresh, time.Now()); r != auth.Admitted {
			t.Errorf("%s: %s", alg, r)
		}
	}
	for _, alg := range []jose.SignatureAlgorithm{jose.HS256, jose.HS384, jose.HS512} {
		id, r := v.Admit(sign(t, alg, []byte(secret), claims), here, fresh, time.Now())
		if r != auth.Admitted {
			t.Errorf("%s: %s", alg, r)
			continue
		}
		want := wire.Identity{User: "ada", TokenID: "1", Expires: time.Unix(claims["exp"].(int64), 0)}
		if *id != want {
			t.Errorf("%s: %+v, want %+v", alg, *id, want)
		}
	}
}

// TestWaysInThatFail: each of these is refused, for the reason that it should be.
func TestWaysInThatFail(t *testing.T) {
	t.Parallel()
	public := must(x509.MarshalPKIXPublicKey(rsaKey().Public()))
	asPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	other := must(rsa.GenerateKey(rand.Reader, 2048))
	p256 := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	dir := t.TempDir()
	v := verifier(t, auth.Config{
		SecretFile: write(t, filepath.Join(dir, "secrets"), secret),
		JWKSFile:   write(t, filepath.Join(dir, "jwks"), jwks(t, jose.JSONWebKey{Key: rsaKey().Public(), KeyID: "k"})), Issuer: "us", Audience: "rejoin",
	})
	v.Revocations.Set(auth.Tokens{User: "mallory"}, time.Now().Add(time.Hour))
	v.Revocations.Set(auth.Tokens{TokenID: "stolen"}, time.Now().Add(time.Hour))
	ours := func(pairs ...any) map[string]any {
		return with(append([]any{"iss", "us", "aud", "rejoin"}, pairs...)...)
	}
	good := mint(t, ours())
	parts := strings.Split(good, ".")
	raw := base64.RawURLEncoding.EncodeToString
	hour := time.Hour
	for name, c := range map[string]struct {
		token string
		want  auth.Refusal
	}{
		"the good one":                {good, auth.Admitted},
		"none shown":                  {"", auth.NoToken},
		"expired":                     {mint(t, ours("exp", time.Now().Add(-time.Second).Unix())), auth.Expired},
		"never expires":               {mint(t, ours("exp", nil)), auth.Expired},
		"exp is null":                 {parts[0] + "." + raw([]byte(`{"exp":null}`)) + "." + parts[2], auth.Expired},
		"exp is text":                 {mint(t, ours("exp", "tomorrow")), auth.Malformed},
		"exp beyond all time":         {mint(t, ours("exp", 1e300)), auth.Malformed},
		"not yet valid":               {mint(t, ours("nbf", time.Now().Add(hour).Unix())), auth.NotYetValid},
		"another secret":              {sign(t, jose.HS256, []byte(strings.Repeat("x", 64)), ours()), auth.BadSignature},
		"another RSA key":             {sign(t, jose.RS256, other, ours()), auth.BadSignature},
		"a key of another kind":       {sign(t, jose.ES256, p256, ours()), auth.BadAlgorithm},
		"a key ID that is not ours":   {sign(t, jose.RS256, jose.JSONWebKey{Key: other, KeyID: "x"}, ours()), auth.UnknownKey},
		"alg none":                    {raw([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".", auth.BadAlgorithm},
		"alg None, signed":            {raw([]byte(`{"alg":"None"}`)) + "." + parts[1] + "." + parts[2], auth.BadAlgorithm},
		"the public key as secret":    {sign(t, jose.HS256, asPEM, ours()), auth.BadSignature},
		"the same as DER":             {sign(t, jose.HS256, public, ours()), auth.BadSignature},
		"a key that it brings itself": {embedded(t, other, ours()), auth.BadSignature},
		"no signature":                {parts[0] + "." + parts[1] + ".", auth.BadSignature},
		"claims of another token":     {parts[0] + "." + strings.Split(mint(t, ours("sub", "eve")), ".")[1] + "." + parts[2], auth.BadSignature},
		"another issuer":              {mint(t, ours("iss", "them")), auth.OtherIssuer},
		"no issuer":                   {mint(t, ours("iss", nil)), auth.OtherIssuer},
		"another audience":            {mint(t, ours("aud", []string{"a", "b"})), auth.OtherAudience},
		"another room":                {mint(t, ours("room", strings.Repeat("cd", 32))), auth.OtherRoom},
		"no room":                     {mint(t, ours("room", nil)), auth.OtherRoom},
		"an empty list of rooms":      {mint(t, ours("room", []string{})), auth.OtherRoom},
		"room is a number":            {mint(t, ours("room", 7)), auth.Malformed},
		"room is null":                {parts[0] + "." + raw([]byte(`{"room":null}`)) + "." + parts[2], auth.Malformed},
		"another role":                {mint(t, ours("role", "extension")), auth.OtherRole},
		"an empty list of roles":      {mint(t, ours("role", []string{})), auth.OtherRole},
		"any role spelled as a room":  {mint(t, ours("role", "*")), auth.OtherRole},
		"a revoked user":              {mint(t, ours("sub", "mallory")), auth.Revoked},
		"a revoked token":             {mint(t, ours("jti", "stolen")), auth.Revoked},
		"a user of 256 bytes":         {mint(t, ours("sub", strings.Repeat("u", 256))), auth.Malformed},
		"more than 8 KiB":             {mint(t, ours("pad", strings.Repeat("x", 6<<10))), auth.TooLong},
		"not a token":                 {"hello", auth.Malformed},
		"only dots":                   {"..", auth.BadAlgorithm},
		"encrypted":                   {"a.b.c.d.e", auth.Malformed},
		"JSON serialization":          {`{"payload":"..","signatures":[]}`, auth.Malformed},
	} {
		id, r := v.Admit(c.token, here, fresh, time.Now())
		if r != c.want || (id != nil) != (c.want == auth.Admitted) {
			t.Errorf("%s: %s, want %s (identity %v)", name, r, c.want, id)
		}
	}
}

// embedded signs with a key that the header of the token holds.
func embedded(t *testing.T, key *rsa.PrivateKey, claims any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, &jose.SignerOptions{EmbedJWK: true})
	if err != nil {
		t.Fatal(err)
	}
	return must(jwt.Signed(signer).Claims(claims).Serialize())
}

// TestATokenOf8KiB is the longest that is taken.
func TestATokenOf8KiB(t *testing.T) {
	t.Parallel()
	v := verifier(t, auth.Config{})
	pad, token := 5900, ""
	for len(token) < auth.MaxTokenBytes {
		next := mint(t, with("pad", strings.Repeat("x", pad)))
		if len(next) > auth.MaxTokenBytes {
			break
		}
		token, pad = next, pad+1
	}
	if len(token) < auth.MaxTokenBytes-2 {
		t.Fatalf("the test made %d bytes", len(token))
	}
	if _, r := v.Admit(token, here, fresh, time.Now()); r != auth.Admitted {
		t.Errorf("%d bytes: %s", len(token), r)
	}
}

// TestRoomsAndRoles: what a token may say of them.
func TestRoomsAndRoles(t *testing.T) {
	t.Parallel()
	v := verifier(t, auth.Config{})
	for _, c := range []map[string]any{
		with(), with("room", room.String()), with("room", strings.ToUpper(room.String())), with("room", []string{"x", room.String()}),
		with("role", "wallet"), with("role", []string{"extension", "wallet"}),
	} {
		if _, r := v.Admit(mint(t, c), here, fresh, time.Now()); r != auth.Admitted {
			t.Errorf("%v: %s", c, r)
		}
	}
}

// TestExpiredTokensResume: within the grace window, and only for an existing session.
func TestExpiredTokensResume(t *testing.T) {
	t.Parallel()
	v := verifier(t, auth.Config{})
	exp := time.Now().Add(time.Hour).Truncate(time.Second)
	token := mint(t, with("exp", exp.Unix()))
	for _, c := range []struct {
		offer *wire.Offer
		at    time.Time
		want  auth.Refusal
		late  bool
	}{
		{resuming, exp.Add(-time.Second), auth.Admitted, false},
		{fresh, exp, auth.Expired, false},
		{resuming, exp, auth.Admitted, true},
		{resuming, exp.Add(59 * time.Second), auth.Admitted, true},
		{resuming, exp.Add(time.Minute), auth.Expired, false},
	} {
		id, r := v.Admit(token, here, c.offer, c.at)
		if r != c.want || id != nil && id.Late != c.late {
			t.Errorf("at exp%+v, resuming %v: %s %+v", c.at.Sub(exp), c.offer.Resume, r, id)
		}
	}
}

func TestRevocationsEnd(t *testing.T) {
	t.Parallel()
	v := verifier(t, auth.Config{})
	now := time.Now()
	v.Revocations.Set(auth.Tokens{User: "ada"}, now.Add(time.Minute))
	v.Revocations.Set(auth.Tokens{User: "ada"}, now.Add(time.Second)) // a later word does not shorten it
	for after, want := range map[time.Duration]auth.Refusal{30 * time.Second: auth.Revoked, time.Minute: auth.Admitted} {
		if _, r := v.Admit(mint(t, says()), here, fresh, now.Add(after)); r != want {
			t.Errorf("after %s: %s", after, r)
		}
	}
	ada, tokenID := auth.Tokens{User: "ada"}, auth.Tokens{TokenID: "1"}
	v.Revocations.Set(tokenID, now.Add(time.Hour))
	// Redis lost one of them; the other is over.
	missing := v.Revocations.Forget(now.Add(time.Minute), map[auth.Tokens]bool{})
	if len(missing) != 1 || !missing[tokenID].Equal(now.Add(time.Hour)) {
		t.Errorf("missing: %v", missing)
	}
	if missing := v.Revocations.Forget(now, map[auth.Tokens]bool{tokenID: true}); len(missing) != 0 {
		t.Errorf("missing: %v", missing)
	}
	for _, what := range []auth.Tokens{ada, tokenID} {
		if got, ok := auth.ParseTokens(what.Name()); !ok || got != what {
			t.Errorf("%q is %+v", what.Name(), got)
		}
	}
}

func TestWhoNeedsAToken(t *testing.T) {
	t.Parallel()
	for scope, plain := range map[auth.Scope]bool{auth.RejoinV1: false, auth.All: true} {
		v := verifier(t, auth.Config{Scope: scope})
		if !v.Needs(wire.RejoinV1) || v.Needs(wire.Plain) != plain {
			t.Errorf("%s: rejoin.v1 %v, plain %v", scope, v.Needs(wire.RejoinV1), v.Needs(wire.Plain))
		}
	}
}

// TestRefusalsAreAnswers: each has a name, words, a status of its kind, and a challenge where HTTP asks for one.
func TestRefusalsAreAnswers(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range auth.Refusals() {
		if r.String() == "" || r.Text() == "" || seen[r.String()] {
			t.Errorf("refusal %d: %q %q", r, r.String(), r.Text())
		}
		seen[r.String()] = true
		if (r.Status() == 401 || r.Status() == 403) != (r.Challenge() != "") {
			t.Errorf("%s: %d with %q", r, r.Status(), r.Challenge())
		}
	}
}

func FuzzAdmit(f *testing.F) {
	v := verifier(f, auth.Config{JWKSFile: write(f, filepath.Join(f.TempDir(), "jwks"), jwks(f, jose.JSONWebKey{Key: rsaKey().Public()})), SecretFile: write(f, filepath.Join(f.TempDir(), "s"), secret)})
	good := mint(f, with("exp", 4102444800)) // the same in all of the fuzzer's processes
	parts := strings.Split(good, ".")
	header, claims := must(base64.RawURLEncoding.DecodeString(parts[0])), must(base64.RawURLEncoding.DecodeString(parts[1]))
	f.Add(string(header), string(claims), parts[2], false)
	f.Add(`{"alg":"none"}`, string(claims), "", false)
	f.Add(`{"alg":"RS256","kid":"x","crit":["b64"],"b64":false}`, `{"exp":9e9,"room":["*"],"role":null}`, parts[2], true)
	f.Fuzz(func(t *testing.T, header, claims, signature string, resume bool) {
		raw := base64.RawURLEncoding.EncodeToString
		for _, token := range []string{raw([]byte(header)) + "." + raw([]byte(claims)) + "." + signature, header + claims + signature} {
			id, r := v.Admit(token, here, &wire.Offer{Resume: resume}, time.Now())
			// Only what this test has signed lets in. (The last bits of a signature's text mean nothing.)
			signed, _, _ := strings.Cut(good, "."+parts[2])
			if (r == auth.Admitted) != (id != nil) || r == auth.Admitted && !strings.HasPrefix(token, signed+".") {
				t.Errorf("%q: %s %v", token, r, id)
			}
		}
	})
}

// BenchmarkAdmit measures what a token costs: a good one and a forged one of each kind of key.
func BenchmarkAdmit(b *testing.B) {
	p256 := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	long := must(rsa.GenerateKey(rand.Reader, 4096))
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	v := verifier(b, auth.Config{
		SecretFile: write(b, filepath.Join(dir, "secrets"), secret),
		JWKSFile: write(b, filepath.Join(dir, "jwks"), jwks(b, jose.JSONWebKey{Key: rsaKey().Public(), KeyID: "r"},
			jose.JSONWebKey{Key: p256.Public(), KeyID: "p"}, jose.JSONWebKey{Key: p384.Public(), KeyID: "q"}, jose.JSONWebKey{Key: long.Public(), KeyID: "l"}, jose.JSONWebKey{Key: ed.Public(), KeyID: "e"})),
	})
	for name, token := range map[string]string{
		"HS256": mint(b, says()), "RS256": sign(b, jose.RS256, rsaKey(), says()), "ES256": sign(b, jose.ES256, p256, says()),
		"ES384": sign(b, jose.ES384, p384, says()), "RS256 of 4,096 bits": sign(b, jose.RS256, jose.JSONWebKey{Key: long, KeyID: "l"}, says()),
		"EdDSA": sign(b, jose.EdDSA, ed, says()), "8KiB": mint(b, with("pad", strings.Repeat("x", 5800))), "expired": mint(b, with("exp", 1)), "none": "",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			bad := name == "expired" || name == "none"
			for b.Loop() {
				if _, r := v.Admit(token, here, fresh, time.Now()); (r == auth.Admitted) == bad {
					b.Fatal(r)
				}
			}
		})
	}
}
