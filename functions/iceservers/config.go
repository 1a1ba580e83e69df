package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/rejoin-dev/rejoin/functions/internal/settings"
)

// config holds every setting. Settings shared with functions/signal have the same name, default and meaning, so that both can run in
// the same environment. Only PORT differs.
type config struct {
	Port uint16 `env:"PORT" envDefault:"4002" help:"GET /ice-servers and GET /health; 0 picks a free port"`
	Host string `env:"HOST" help:"address to listen on; empty: all"`

	settings.TURN

	RateRequests   int      `env:"RATE_LIMIT_MESSAGES" envDefault:"100" help:"requests an address may make per RATE_LIMIT_MS; 0: no limit"`
	RateMillis     int      `env:"RATE_LIMIT_MS" envDefault:"1000" help:"length of that window in milliseconds"`
	TrustedProxies []string `env:"TRUSTED_PROXIES" help:"networks whose X-Forwarded-For is trusted, comma separated, like 10.0.0.0/8; empty: none"`
	Origins        []string `env:"ALLOWED_ORIGINS" envDefault:"*" help:"origins of web pages that may ask, comma separated, like https://app.example, https://*.app.example, moz-extension://*; null: pages without an origin; *: all"`

	DrainTimeout time.Duration `env:"DRAIN_TIMEOUT" envDefault:"8s" help:"longest time from SIGTERM, SIGINT or SIGHUP to exit"`

	LogLevel  slog.Level `env:"LOG_LEVEL" envDefault:"info" help:"debug, info, warn, error"`
	LogFormat string     `env:"LOG_FORMAT" envDefault:"text" help:"text, json"`

	proxies []netip.Prefix
}

// loadConfig reads all settings and reports every bad one at once.
func loadConfig(environ []string) (config, error) {
	var cfg config
	err := settings.Load(&cfg, environ, cfg.check)
	return cfg, err
}

// check validates what the types cannot, and returns a line for each bad setting.
func (c *config) check() []string {
	bad := c.TURN.Check()
	want := func(ok bool, format string, args ...any) {
		if !ok {
			bad = append(bad, fmt.Sprintf(format, args...))
		}
	}
	want(c.TURN.Configured(), "TURN_URLS: want this, STUN_URLS or both; without them there is nothing to serve")
	var badProxies []string
	c.proxies, badProxies = settings.Proxies(c.TrustedProxies)
	bad = slices.Concat(bad, settings.CheckHost(&c.Host), settings.CheckOrigins(c.Origins), badProxies)
	want(c.RateRequests >= 0, "RATE_LIMIT_MESSAGES=%d: want 0 or more", c.RateRequests)
	want(c.RateMillis >= 1 && c.RateMillis <= 60_000, "RATE_LIMIT_MS=%d: want 1 to 60000", c.RateMillis)
	want(c.DrainTimeout >= 100*time.Millisecond, "DRAIN_TIMEOUT=%s: want at least 100ms", c.DrainTimeout)
	want(c.LogFormat == "text" || c.LogFormat == "json", "LOG_FORMAT=%q: want text or json", c.LogFormat)
	return bad
}

func printUsage(w io.Writer) {
	settings.PrintUsage(w, "iceservers: tells WebRTC clients which STUN and TURN servers to use, with credentials that expire.", config{})
	printProfileUsage(w)
}
