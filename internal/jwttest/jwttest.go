// Package jwttest makes JSON Web Tokens for tests, also such that lie about their algorithm, which JWT libraries refuse to make.
package jwttest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
)

// Sign makes a token with that alg in its header and these claims, which have to be JSON. Its signature is that of HS256, whatever alg says (RFC 7515
// appendix A.1).
func Sign(alg string, claims any, key string) string {
	text, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	raw := base64.RawURLEncoding.EncodeToString
	signed := raw([]byte(`{"alg":"`+alg+`","typ":"JWT"}`)) + "." + raw(text)
	mac := hmac.New(sha256.New, []byte(key))
	_, _ = mac.Write([]byte(signed)) // never fails
	return signed + "." + raw(mac.Sum(nil))
}
