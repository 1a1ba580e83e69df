package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Roles of the plain dialect, for Config.Role. In a room of equals everyone is a "peer". Applications may use any other name.
const (
	Wallet    = "wallet"
	Extension = "extension"
)

// Config configures a Client. The zero value of an optional field means its default. A Config may be used for several
// clients and is never modified.
type Config struct {
	// URL is the base of the service, "ws://host:port" or "wss://host/prefix"; http and https stand for ws and wss, and a query
	// is kept. URLs adds more, and each attempt uses the next one in turn. At least one is needed. White space around URLs,
	// Room, Role, Target and Resume is ignored.
	URL  string
	URLs []string
	// Room is any name of 1 to 128 letters, digits and "-._~"; 64 hexadecimal digits are a connectionId. The server checks it
	// (rules P1.5 and R10.5), not the client.
	Room string
	// Role is our own role: a lower-case letter, then up to 15 letters, digits and hyphens. Default "peer".
	Role string
	// Target is the role of the clients to talk to; our peers are those whose own Target is our Role (rule R10.3). Default: "peer" for a
	// "peer", Extension for a Wallet, Wallet for an Extension. Required for any other role.
	Target string
	// Source is an older name of Role.
	Source string
	// Auth returns the token (a JWT) for a server that asks for one. It is called before the first attempt, and again after the token was
	// refused or has expired. After two refusals in a row the client ends with ErrUnauthorized. If Auth returns an error, the attempt has
	// failed and is repeated. It must respect its context, which ends with the attempt.
	Auth func(context.Context) (string, error)

	// Plain chooses the plain dialect: no session, no resume, no acknowledgement.
	Plain bool
	// Reconnect makes a plain client open a new connection after losing one. rejoin.v1 always does.
	Reconnect bool
	// Binary sends binary frames instead of text frames, as the iOS wallet does.
	Binary bool
	// Resume continues a session of an earlier process. If the server refuses, it opens a fresh session, and
	// the first Session event says why.
	Resume *Position

	// Backoff bounds the random wait between attempts. Default 100 ms to 10 s.
	Backoff Backoff
	// ConnectTimeout bounds one attempt, session frame included. Default 10 s.
	ConnectTimeout time.Duration
	// WriteTimeout bounds the writing of one frame. Default 10 s.
	WriteTimeout time.Duration
	// Silence is how long nothing may arrive before the connection is probed with a ping. If the ping is
	// not answered within half of Silence, the connection counts as lost. Default 1.5 times the
	// server's ping interval. A negative value turns the probe off.
	Silence time.Duration

	// Outbox is how many messages may be unanswered before Post and Send block. Default 32; the server recognises
	// repetitions among a session's last 64.
	Outbox int
	// Events is how many events may wait for Next before the client stops reading the connection. Default 64.
	Events int
	// AckEvery and AckAfter set when handled messages are acknowledged: after AckEvery messages (default 16) or
	// AckAfter the first one (default 1 s), whichever comes first.
	AckEvery int
	AckAfter time.Duration
	// ManualAck means that the caller reports handled messages by calling Ack.
	ManualAck bool
	// Rate limits the frames sent within 1.1 s, to stay below the server's limit of 100 a second
	// (rule P7.3). Default 90; negative means no limit.
	Rate int
	// ReadLimit is the largest message to read, in bytes. Default 1 MiB; a larger one ends the connection.
	ReadLimit int64

	// HTTPClient makes the upgrade request. Configure proxies, TLS or a dialer in its Transport.
	// It must not set Timeout. Its CheckRedirect decides about redirects; if that is nil, they are followed to the same host only, because
	// the request carries the resume token. Default: a client without keep-alive that honours HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
	HTTPClient *http.Client
	// Header is sent with each upgrade request, for example an Origin.
	Header http.Header
	// Logger gets debug lines about connections, never payloads, tokens or rooms. It may be slow, block or panic: the client
	// does not wait for it, and drops lines while 64 are queued. Default: no log.
	Logger *slog.Logger
}

// Backoff bounds the wait before an attempt. The wait is uniformly random between zero and a bound that starts at Min,
// doubles with each failed attempt and never exceeds Max ("full jitter").
type Backoff struct {
	Min, Max time.Duration
}

// defaultPing is the server's ping interval if it does not say (rule P7.4).
const defaultPing = 25 * time.Second

func (cfg Config) withDefaults() (Config, error) {
	cfg = cfg.trimmed()
	if err := cfg.check(); err != nil {
		return cfg, err
	}
	setDefault(&cfg.Backoff.Min, 100*time.Millisecond)
	setDefault(&cfg.Backoff.Max, max(10*time.Second, cfg.Backoff.Min))
	setDefault(&cfg.ConnectTimeout, 10*time.Second)
	setDefault(&cfg.WriteTimeout, 10*time.Second)
	setDefault(&cfg.Outbox, 32)
	setDefault(&cfg.Events, 64)
	setDefault(&cfg.AckEvery, 16)
	setDefault(&cfg.AckAfter, time.Second)
	setDefault(&cfg.Rate, 90)
	setDefault(&cfg.ReadLimit, 1<<20)
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = &http.Client{Transport: &http.Transport{
			Proxy:             http.ProxyFromEnvironment,
			DisableKeepAlives: true, // a response that is not an upgrade must not leave a connection behind
		}}
	}
	cfg.HTTPClient = withRedirects(cfg.HTTPClient)
	return cfg, nil
}

func (cfg *Config) check() error {
	var errs []error
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(len(cfg.URLs) > 0, "no URL given")
	for _, u := range cfg.URLs {
		if _, err := parseBase(u); err != nil {
			errs = append(errs, err)
		}
	}
	bad(isRole(cfg.Role), "role %q: want a letter a to z, then up to 15 letters, digits and hyphens", cfg.Role)
	bad(cfg.Target != "", "role %q: no target given", cfg.Role)
	bad(cfg.Target == "" || isRole(cfg.Target), "target %q: want a letter a to z, then up to 15 letters, digits and hyphens", cfg.Target)
	bad(cfg.Source == "" || cfg.Source == cfg.Role, "role %q and source %q: want one of them", cfg.Role, cfg.Source)
	bad(cfg.Backoff.Min >= 0 && cfg.Backoff.Max >= 0, "back-off %v to %v: want no negative times", cfg.Backoff.Min, cfg.Backoff.Max)
	bad(cfg.ConnectTimeout >= 0 && cfg.WriteTimeout >= 0 && cfg.AckAfter >= 0, "ConnectTimeout, WriteTimeout or AckAfter is negative")
	bad(cfg.Outbox >= 0 && cfg.Events >= 0 && cfg.AckEvery >= 0 && cfg.ReadLimit >= 0, "Outbox, Events, AckEvery or ReadLimit is negative")
	for name, values := range cfg.Header {
		bad(!strings.ContainsAny(name+strings.Join(values, ""), "\r\n\x00"), "header %q: a line break in it", name)
	}
	if r := cfg.Resume; r != nil {
		_, ok := parseEntryID(r.After)
		bad(r.After == "" || ok, "position: %q is no entry ID", r.After)
		bad(isToken(r.Token), "position: its token contains invalid characters") // without repeating the secret
	}
	return errors.Join(errs...)
}

// isRole reports whether s can be the name of a role (rule R10.2).
func isRole(s string) bool {
	for i, r := range []byte(s) {
		if (r < 'a' || r > 'z') && (i == 0 || (r < '0' || r > '9') && r != '-') {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 16
}

// isToken reports whether s can be part of a subprotocol (RFC 6455, section 4.1).
func isToken(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r) })
}

// trimmed strips white space from values that often come from files and environment variables, and fills in the roles.
func (cfg Config) trimmed() Config {
	urls := make([]string, 0, len(cfg.URLs)+1)
	for _, u := range append([]string{cfg.URL}, cfg.URLs...) {
		if u = strings.TrimSpace(u); u != "" {
			urls = append(urls, u)
		}
	}
	cfg.URLs = urls
	cfg.Room, cfg.Source = strings.TrimSpace(cfg.Room), strings.TrimSpace(cfg.Source)
	cfg.Role, cfg.Target = strings.TrimSpace(cfg.Role), strings.TrimSpace(cfg.Target)
	setDefault(&cfg.Role, cfg.Source)
	setDefault(&cfg.Role, "peer")
	setDefault(&cfg.Target, map[string]string{"peer": "peer", Wallet: Extension, Extension: Wallet}[cfg.Role])
	if cfg.Resume != nil {
		cfg.Resume = &Position{Token: strings.TrimSpace(cfg.Resume.Token), After: strings.TrimSpace(cfg.Resume.After)}
	}
	return cfg
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
