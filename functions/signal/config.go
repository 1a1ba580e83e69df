package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/rejoin-dev/rejoin/functions/internal/settings"
	"github.com/rejoin-dev/rejoin/internal/host"
	"github.com/rejoin-dev/rejoin/internal/peerjs"
	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// config holds every setting. Every default is safe in production.
type config struct {
	Port     uint16 `env:"PORT" envDefault:"4000" help:"WebSockets and GET /health; 0 picks a free port"`
	HTTPPort uint16 `env:"HTTP_PORT" envDefault:"4001" help:"/health, /ready, /metrics; keep it private; 0 picks a free port"`
	Host     string `env:"HOST" help:"address to listen on; empty: all"`

	RedisURL string `env:"REDIS_URL" help:"redis://host:port (a cluster is detected), rediss://…, redis://host:port,host:port,… (cluster), redis+sentinel://host:port,…/master; empty: an embedded Redis, which shares and keeps nothing"`
	Instance string `env:"INSTANCE_ID" help:"name of this instance; if two live instances share one, the later is not ready; empty: random"`

	Grace        time.Duration `env:"GRACE_WINDOW" envDefault:"60s" help:"how long a session waits for a client that lost its connection"`
	ResumeByRole []string      `env:"RESUME_BY_ROLE" envDefault:"wallet" help:"roles whose plain clients get a grace window and a replay: wallet, extension, none"`
	Lease        time.Duration `env:"INSTANCE_LEASE" envDefault:"10s" help:"how long an instance counts as alive without renewing its lease"`
	CallTimeout  time.Duration `env:"REDIS_TIMEOUT" envDefault:"5s" help:"how long a message may wait for Redis; after that its sender is told to retry"`
	WaitReplicas int           `env:"REDIS_WAIT_REPLICAS" envDefault:"0" help:"Redis replicas that must have a message before it is confirmed, so that a failover loses nothing; 0: none"`
	SyncInterval time.Duration `env:"SYNC_INTERVAL" envDefault:"5m" help:"how often each session is compared with Redis"`

	MaxHeadBytes int    `env:"MAX_HEAD_BYTES" envDefault:"8192" help:"largest request head; a larger one gets 431"`
	BasePath     string `env:"BASE_PATH" help:"path prefix that a proxy in front adds, like /signaling; stripped where present; empty: none"`

	PeerJSPath      string `env:"PEERJS_PATH" help:"path at which PeerJS clients are served, their option path, like /peerjs; empty: nowhere"`
	PeerJSKey       string `env:"PEERJS_KEY" envDefault:"peerjs" help:"key that PeerJS clients have to give, their option key"`
	PeerJSDiscovery bool   `env:"PEERJS_DISCOVERY" envDefault:"false" help:"let every client that can reach PEERJS_PATH list the PeerJS ids that are connected"`

	MaxMessageBytes int `env:"MAX_MESSAGE_BYTES" envDefault:"65536" help:"largest message; a larger one closes the connection with 1009"`
	MailboxMessages int `env:"MAILBOX_MESSAGES" envDefault:"256" help:"most messages waiting for one client"`
	MailboxBytes    int `env:"MAILBOX_BYTES" envDefault:"1048576" help:"most bytes waiting for one client"`
	RoomClients     int `env:"ROOM_CLIENTS" envDefault:"64" help:"most sessions in one room"`

	MaxBuffered int `env:"MAX_BUFFERED_BYTES" envDefault:"0" help:"most memory that unfinished requests, unfinished messages and unread output may take together; beyond that the connections that hold most are closed as lost; 0: a quarter of the memory limit"`

	RateMessages   int      `env:"RATE_LIMIT_MESSAGES" envDefault:"100" help:"messages a connection may send per RATE_LIMIT_MS; 0: no limit"`
	RateMillis     int      `env:"RATE_LIMIT_MS" envDefault:"1000" help:"length of that window in milliseconds"`
	Origins        []string `env:"ALLOWED_ORIGINS" envDefault:"*" help:"origins of web pages that may connect, comma separated, like https://app.example, https://*.app.example, moz-extension://*; null: pages without an origin; *: all"`
	MaxConnections int      `env:"MAX_CONNECTIONS" envDefault:"0" help:"most connections; more are refused with 503; 0: as many as the open-files limit allows"`

	MaxPerAddress  int      `env:"MAX_CONNECTIONS_PER_ADDRESS" envDefault:"0" help:"most connections from one address, or one IPv6 /64; more are refused with 429; 0: no limit"`
	NewPerAddress  int      `env:"NEW_CONNECTIONS_PER_ADDRESS" envDefault:"0" help:"most new connections a second from one address; more are refused with 429; 0: no limit"`
	TrustedProxies []string `env:"TRUSTED_PROXIES" help:"networks whose X-Forwarded-For is trusted, comma separated, like 10.0.0.0/8; empty: none"`

	PingInterval     time.Duration `env:"PING_INTERVAL" envDefault:"25s" help:"silence before a ping; after twice that the connection counts as lost"`
	MaxConnectionAge time.Duration `env:"MAX_CONNECTION_AGE" envDefault:"0s" help:"clients are asked to reconnect before a connection gets this old, for platforms that cut old ones; 0s: never"`
	DrainTimeout     time.Duration `env:"DRAIN_TIMEOUT" envDefault:"8s" help:"longest time from SIGTERM, SIGINT or SIGHUP to exit"`

	LogLevel  slog.Level `env:"LOG_LEVEL" envDefault:"info" help:"debug, info, warn, error"`
	LogFormat string     `env:"LOG_FORMAT" envDefault:"text" help:"text, json"`
	Pprof     bool       `env:"PPROF" envDefault:"false" help:"serve /debug/pprof/ on HTTP_PORT"`
	Demo      string     `env:"DEMO" help:"serve the demo at /demo/ on HTTP_PORT: true, false; empty: true when REDIS_URL is empty"`

	Auth
	settings.TURN // sent to rejoin.v1 clients
	OTel

	resumeRoles []wire.Role
	proxies     []netip.Prefix
	basePath    string // as wire.ParseTarget wants it
	peerjs      peerjs.Config
}

// loadConfig reads all settings and reports every bad one at once.
func loadConfig(environ []string) (config, error) {
	var cfg config
	err := settings.Load(&cfg, environ, cfg.check)
	return cfg, err
}

// check validates what the types cannot, and returns a line for each bad setting.
func (c *config) check() []string {
	var bad []string
	want := func(ok bool, format string, args ...any) {
		if !ok {
			bad = append(bad, fmt.Sprintf(format, args...))
		}
	}
	if c.RedisURL != "" {
		err := checkRedis(c.RedisURL)
		want(err == nil, "REDIS_URL: %v", err)
	}
	want(c.Port == 0 || c.Port != c.HTTPPort, "HTTP_PORT=%d: want another one than PORT", c.HTTPPort)
	want(c.WaitReplicas >= 0 && c.WaitReplicas <= 16, "REDIS_WAIT_REPLICAS=%d: want 0 to 16", c.WaitReplicas)
	want(c.WaitReplicas == 0 || c.RedisURL != "", "REDIS_WAIT_REPLICAS=%d: the embedded Redis has no replicas; set REDIS_URL", c.WaitReplicas)
	for _, r := range c.ResumeByRole {
		role, ok := wire.ParseRole(r)
		want(ok || r == "none" && len(c.ResumeByRole) == 1, "RESUME_BY_ROLE=%q: want wallet, extension, both with a comma between, or none", r)
		if ok {
			c.resumeRoles = append(c.resumeRoles, role)
		}
	}
	for _, d := range []struct {
		name       string
		value, min time.Duration
	}{
		{"GRACE_WINDOW", c.Grace, 100 * time.Millisecond},
		{"INSTANCE_LEASE", c.Lease, time.Second},
		{"REDIS_TIMEOUT", c.CallTimeout, 100 * time.Millisecond},
		{"SYNC_INTERVAL", c.SyncInterval, time.Second},
		{"PING_INTERVAL", c.PingInterval, 100 * time.Millisecond},
		{"DRAIN_TIMEOUT", c.DrainTimeout, 100 * time.Millisecond},
	} {
		want(d.value >= d.min, "%s=%s: want at least %s", d.name, d.value, d.min)
	}
	want(c.SyncInterval <= 30*time.Minute, "SYNC_INTERVAL=%s: want at most 30m, it keeps the keys of a room alive", c.SyncInterval)
	want(!c.TURN.Configured() || c.TURNTTL < settings.MinTURNTTL || c.TURNTTL >= 4*c.SyncInterval,
		"TURN_TTL=%s: want at least 4 times SYNC_INTERVAL, which is how often credentials are looked at", c.TURNTTL)
	want(c.MaxConnectionAge == 0 || c.MaxConnectionAge >= time.Second, "MAX_CONNECTION_AGE=%s: want 0s or at least 1s", c.MaxConnectionAge)
	want(c.MaxMessageBytes >= 1024 && c.MaxMessageBytes <= mostMessage, "MAX_MESSAGE_BYTES=%d: want 1024 to 1048576", c.MaxMessageBytes)
	want(c.MaxHeadBytes >= 1024 && c.MaxHeadBytes <= 1<<20, "MAX_HEAD_BYTES=%d: want 1024 to 1048576", c.MaxHeadBytes)
	base, ok := wire.ParseBase(strings.TrimSpace(c.BasePath))
	want(ok, "BASE_PATH=%q: want a path like /signaling, of plain segments", c.BasePath)
	c.basePath = base
	c.checkPeerJS(want)
	want(c.MaxBuffered == 0 || c.MaxBuffered >= 16*c.MaxMessageBytes, "MAX_BUFFERED_BYTES=%d: want 0 or at least 16 times MAX_MESSAGE_BYTES", c.MaxBuffered)
	want(c.MailboxBytes >= 2*c.MaxMessageBytes, "MAILBOX_BYTES=%d: want at least twice MAX_MESSAGE_BYTES", c.MailboxBytes)
	want(c.MailboxMessages >= 1 && c.MailboxMessages <= 4096, "MAILBOX_MESSAGES=%d: want 1 to 4096", c.MailboxMessages)
	want(c.RoomClients >= 2 && c.RoomClients <= 1024, "ROOM_CLIENTS=%d: want 2 to 1024", c.RoomClients)
	want(c.RateMessages >= 0 && c.RateMessages < 65535, "RATE_LIMIT_MESSAGES=%d: want 0 to 65534", c.RateMessages)
	want(c.RateMillis >= 1, "RATE_LIMIT_MS=%d: want at least 1", c.RateMillis)
	var badProxies []string
	c.proxies, badProxies = settings.Proxies(c.TrustedProxies)
	want(c.MaxPerAddress >= 0, "MAX_CONNECTIONS_PER_ADDRESS=%d: want 0 or more", c.MaxPerAddress)
	want(c.NewPerAddress >= 0, "NEW_CONNECTIONS_PER_ADDRESS=%d: want 0 or more", c.NewPerAddress)
	want(c.MaxConnections >= 0, "MAX_CONNECTIONS=%d: want 0 or more", c.MaxConnections)
	want(c.Demo == "" || c.Demo == "true" || c.Demo == "false", "DEMO=%q: want true, false or nothing", c.Demo)
	want(c.LogFormat == "text" || c.LogFormat == "json", "LOG_FORMAT=%q: want text or json", c.LogFormat)
	want(!strings.ContainsFunc(c.Instance, isNoName) && len(c.Instance) <= 64,
		"INSTANCE_ID=%q: want at most 64 characters without spaces, braces or $", c.Instance)
	return slices.Concat(bad, settings.CheckHost(&c.Host), settings.CheckOrigins(c.Origins), badProxies, c.Auth.Check(), c.TURN.Check(), c.OTel.Check())
}

// checkPeerJS validates the settings for PeerJS clients.
func (c *config) checkPeerJS(want func(ok bool, format string, args ...any)) {
	c.peerjs = peerjs.Config{Key: c.PeerJSKey, Discovery: c.PeerJSDiscovery}
	if path := strings.TrimSpace(c.PeerJSPath); path != "" {
		var ok bool
		c.peerjs.Path, ok = peerjs.ParsePath(path)
		want(ok, "PEERJS_PATH=%q: want a path like / or /peerjs, of plain segments, not /rooms or /health", c.PeerJSPath)
	}
	want(peerjs.IsKey(c.PeerJSKey), "PEERJS_KEY=%q: want 1 to 128 letters, digits and -._~", c.PeerJSKey)
	want(c.MaxBuffered == 0 || c.peerjs.Path == "" || c.MaxBuffered >= 4*c.peerMessageBytes(), "MAX_BUFFERED_BYTES=%d: want 0 or at least MAILBOX_BYTES with PEERJS_PATH", c.MaxBuffered)
}

// checkRedis returns why REDIS_URL can never work. The error never repeats what may be a password.
func checkRedis(text string) error {
	opt, err := streams.ParseURL(text)
	if err != nil {
		return err
	}
	if err := host.CheckAddresses(opt.Addrs); err != nil {
		return fmt.Errorf("want redis://host:port: %w; / ? # %% in a password are written %%2F %%3F %%23 %%25", err)
	}
	return nil
}

// isNoName reports whether r may not appear in INSTANCE_ID, which becomes part of keys. A $ means a variable that was not expanded.
func isNoName(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("{}$", r)
}

// mostMessage is the largest MAX_MESSAGE_BYTES.
const mostMessage = 1 << 20

// peerMessageBytes is the length of the largest message of a PeerJS client: PeerServer takes 100 MiB. Four of them fit into a mailbox.
func (c *config) peerMessageBytes() int {
	return max(c.MaxMessageBytes, min(c.MailboxBytes/4, mostMessage))
}

// orderly is the part of DRAIN_TIMEOUT in which the drain should finish. The rest is slack for a busy machine and for flushing the log.
func (c *config) orderly() time.Duration {
	return c.DrainTimeout - min(c.DrainTimeout/4, 500*time.Millisecond)
}

// demo reports whether the demo is served.
func (c *config) demo() bool { return c.Demo == "true" || c.Demo == "" && c.RedisURL == "" }

func printUsage(w io.Writer) {
	settings.PrintUsage(w, "signal: a WebRTC signaling server whose clients can vanish and come back.", config{})
}
