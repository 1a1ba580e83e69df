package client

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"
)

// Roles for Config.Source.
const (
	Wallet    = "wallet"
	Extension = "extension"
)

// Config says whom to be and how to behave. The zero value of every optional field means its default.
// A Config may be used for several clients; nothing in it is changed.
type Config struct {
	// URL is the base of the service, "ws://host:port" or "wss://host/prefix". URLs adds more of them;
	// each attempt takes the next one in turn. At least one is needed.
	URL  string
	URLs []string
	// Room is the connectionId: 64 hexadecimal digits. It is not checked here: the server does (rule P1.5).
	Room string
	// Source is our own role, Wallet or Extension.
	Source string

	// Plain chooses the plain dialect: no session, no resume, no acknowledgement.
	Plain bool
	// Reconnect makes a plain client open a new connection after it lost one. rejoin.v1 always does.
	Reconnect bool
	// Binary sends binary frames instead of text frames, as the iOS wallet does.
	Binary bool
	// Resume takes up a session that an earlier process held. When the server refuses, a fresh session is
	// opened and the first Session event says why.
	Resume *Position

	// Backoff bounds the random wait between attempts. Default 100 ms to 10 s.
	Backoff Backoff
	// ConnectTimeout bounds one attempt, session frame included. Default 10 s.
	ConnectTimeout time.Duration
	// WriteTimeout bounds the writing of one frame. Default 10 s.
	WriteTimeout time.Duration
	// Silence is how long nothing may arrive before the connection is probed with a ping; when that is
	// not answered within half of Silence, the connection is lost. Default one and a half of the
	// server's ping interval. A negative value turns the probe off.
	Silence time.Duration

	// Outbox is how many messages may await their answer before Post and Send block. Default 32; the server tells
	// repetitions among the last 64 of a session.
	Outbox int
	// Events is how many events may wait for Next before the connection is no longer read. Default 64.
	Events int
	// AckEvery and AckAfter say when handled messages are acknowledged: at the AckEvery-th (default 16) or
	// AckAfter the first (default 1 s), whichever comes first.
	AckEvery int
	AckAfter time.Duration
	// ManualAck leaves it to the caller to say, by Ack, that a message has been handled.
	ManualAck bool
	// Rate is how many frames are sent within 1.1 s at most, below the server's limit of 100 a second
	// (rule P7.3). Default 90; negative means no limit.
	Rate int
	// ReadLimit is the largest message that is read, in bytes. Default 1 MiB; a larger one ends the connection.
	ReadLimit int64

	// HTTPClient makes the upgrade request: its Transport is where to hook in proxies, TLS or a dialer.
	// It must not set Timeout. Default: a client of its own without keep-alive.
	HTTPClient *http.Client
	// Header is sent with each upgrade request, an Origin for example.
	Header http.Header
	// Logger gets debug lines about connections; never payloads, tokens or rooms. Default: silence.
	Logger *slog.Logger
}

// Backoff bounds the wait before an attempt: uniformly random between nothing and Min doubled with each
// failed attempt, up to Max ("full jitter").
type Backoff struct {
	Min, Max time.Duration
}

// defaultPing is the server's ping interval when it did not say (rule P7.4).
const defaultPing = 25 * time.Second

func (cfg Config) withDefaults() (Config, error) {
	if cfg.URL != "" {
		cfg.URLs = append([]string{cfg.URL}, cfg.URLs...)
	}
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
			DisableKeepAlives: true, // an answer that is no upgrade must not leave a connection behind
		}}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg, nil
}

func (cfg *Config) check() error {
	var errs []error
	if len(cfg.URLs) == 0 {
		errs = append(errs, errors.New("no URL given"))
	}
	for _, u := range cfg.URLs {
		if parsed, err := url.Parse(u); err != nil {
			errs = append(errs, fmt.Errorf("parse URL: %w", err))
		} else if parsed.Host == "" {
			errs = append(errs, fmt.Errorf("URL %q: want ws://host:port or wss://host", u))
		}
	}
	if cfg.Source != Wallet && cfg.Source != Extension {
		errs = append(errs, fmt.Errorf("source %q: want %q or %q", cfg.Source, Wallet, Extension))
	}
	if r := cfg.Resume; r != nil {
		if _, ok := parseEntryID(r.After); r.After != "" && !ok {
			errs = append(errs, fmt.Errorf("position: %q is no entry ID", r.After))
		}
	}
	return errors.Join(errs...)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// endpoint is the address of our room below base (rule P1.2).
func (cfg *Config) endpoint(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", fmt.Errorf("parse URL: %w", err)
	}
	target := Extension
	if cfg.Source == Extension {
		target = Wallet
	}
	u = u.JoinPath(cfg.Room)
	u.RawQuery = url.Values{"source": {cfg.Source}, "target": {target}}.Encode()
	return u.String(), nil
}
