// Token mints a JSON Web Token for trying AUTH out, with the first key of AUTH_SECRET_FILE:
//
//	openssl rand -hex 32 > secret
//	go run ./tools/token -secret secret -room lobby -sub ada
//
// A service mints its own, with the library of its language: docs/auth.md shows how.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

func main() {
	err := run(os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	var secret, rooms, roles, audience string
	var lifetime time.Duration
	var claims jwt.Claims
	flags := flag.NewFlagSet("token", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&secret, "secret", "", "`file` with HMAC keys, as the server's AUTH_SECRET_FILE; the first one signs")
	flags.StringVar(&rooms, "room", "*", "`names` of the rooms it is for, comma separated; *: all")
	flags.StringVar(&roles, "role", "", "`names` of the roles it is for, comma separated; empty: any")
	flags.StringVar(&claims.Subject, "sub", "", "`user`, which peers are told")
	flags.StringVar(&claims.ID, "jti", "", "`ID` of the token, to revoke it by")
	flags.StringVar(&claims.Issuer, "iss", "", "issuer, as the server's AUTH_ISSUER")
	flags.StringVar(&audience, "aud", "", "audience, as the server's AUTH_AUDIENCE")
	flags.DurationVar(&lifetime, "for", time.Hour, "how long it is good")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if secret == "" || flags.NArg() > 0 || rooms == "" || lifetime <= 0 {
		return errors.New("want -secret FILE and other flags, see -h")
	}
	key, err := firstKey(secret)
	if err != nil {
		return err
	}
	claims.Expiry = jwt.NewNumericDate(time.Now().Add(lifetime))
	if audience != "" {
		claims.Audience = jwt.Audience{audience}
	}
	more := map[string]any{"room": strings.Split(rooms, ",")}
	if roles != "" {
		more["role"] = strings.Split(roles, ",")
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return fmt.Errorf("use key of -secret: %w", err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Claims(more).Serialize()
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	_, err = fmt.Fprintln(out, token)
	return err
}

func firstKey(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read -secret: %w", err)
	}
	key, _, _ := bytes.Cut(bytes.TrimSpace(text), []byte{'\n'})
	if key = bytes.TrimSpace(key); len(key) < 32 {
		return nil, fmt.Errorf("read -secret: the first key has %d bytes, want at least 32", len(key))
	}
	return key, nil
}
