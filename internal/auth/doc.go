// Package auth decides who may connect: it checks the JSON Web Token (RFC 7519) that a client shows with its upgrade.
//
//	AUTH_SECRET_FILE ─┐
//	AUTH_JWKS_FILE   ─┼─► Run: read, parse ─► keyring (a snapshot) ─► Admit ◄─ edge, before the 101
//	AUTH_JWKS_URL    ─┘        ▲                                        │
//	                           └── unknown kid: fetch, once a minute ◄──┘
//	Redis, doorbell ─────────────► Revocations ────────────────────────► Admit, and the hub's open connections
//
// Admit runs on the event loops of the edge: it reads memory and computes, and nothing else. What is cheap is checked first, so a token
// that is too long, expired or made for another service costs no signature. What a signature costs is bounded: the token has at most 8 KiB,
// RSA keys at most 8,192 bits, and few keys are tried for a token that does not name its own.
//
// The signature itself is the business of go-jose. A token cannot choose how it is checked: a secret verifies HMAC and nothing else, a public
// key its own algorithms and nothing else, and "none" is not among those that are parsed at all (RFC 8725 sections 3.1 and 3.2).
package auth
