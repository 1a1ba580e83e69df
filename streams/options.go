package streams

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Options configure a Backbone. The zero value of each field but Instance means its default.
type Options struct {
	// URL of Redis, see ParseURL; empty: an embedded Redis, which shares and keeps nothing.
	URL string
	// Instance is the operator's name for this process; Redis knows it by an incarnation of that name (Backbone.Instance). Two processes
	// with one name do each other no harm, but the later one is not ready while the earlier lives. Default: random.
	Instance string

	Grace          time.Duration // how long a suspended session waits for its client; default 60 s
	Lease          time.Duration // how long a silent instance is believed alive; default 10 s
	CallTimeout    time.Duration // the time within which every step is answered; it is repeated while Redis is unreachable; default 5 s
	WaitReplicas   int           // how many replicas must have a step before it is answered (WAIT); default 0
	MailboxEntries int           // most messages waiting in one mailbox; default 256
	MailboxBytes   int           // most bytes waiting in one mailbox; default 1 MiB
	RoomClients    int           // most sessions in one room; default 64
	PageEntries    int           // most entries read at once; default 64
	Traced         bool          // this instance understands traced messages
	PageBytes      int           // most bytes read at once (one entry is always read); default 32 KiB

	// Revoked, unless nil, is called with the revocations (Backbone.Revoke) of every instance: with new ones, and with all of them (whole)
	// when some may have been missed. It must not block. This instance is not ready before the first whole call.
	Revoked func(list []Revocation, whole bool)

	Registerer prometheus.Registerer // default: metrics are counted but not exposed
	Logger     *slog.Logger          // default: discard

	// Dialer, unless nil, replaces this package's dialer to Redis, for a simulated network. The dialer must then handle the URL's TLS.
	Dialer func(ctx context.Context, network, addr string) (net.Conn, error)
}

const (
	// roomLifetime is the lifetime of the keys of a room; Sync renews it.
	roomLifetime = time.Hour
	// bellBytes is the largest body a doorbell carries; above it only the entry ID travels.
	bellBytes = 16 << 10
	// probeTimeout is how long a probed connection has to prove that it is alive.
	probeTimeout = time.Second
	ioTimeout    = 3 * time.Second
	// replicaPatience is how long one WAIT may block the pipeline.
	replicaPatience = 2 * time.Second
	// workers is how many pipelines run at once, per instance and, on a cluster, per primary. A second one brought no throughput when
	// measured; it splits concurrent calls into two round trips, and wakes all instances twice.
	workers = 1
)

func (o Options) withDefaults() Options {
	o.Grace = orDefault(o.Grace, time.Minute)
	o.Lease = orDefault(o.Lease, 10*time.Second)
	o.CallTimeout = orDefault(o.CallTimeout, 5*time.Second)
	o.MailboxEntries = orDefault(o.MailboxEntries, 256)
	o.MailboxBytes = orDefault(o.MailboxBytes, 1<<20)
	o.RoomClients = orDefault(o.RoomClients, 64)
	o.PageEntries = orDefault(o.PageEntries, 64)
	o.PageBytes = orDefault(o.PageBytes, 32<<10)
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// ParseURL reads where Redis is:
//
//	redis://[user:password@]host:port[/db]           one server
//	redis://host:port,host:port,…                    a cluster: several seeds (or one, with ?cluster=true)
//	redis+sentinel://[user:password@]host:port,…/master[/db]
//
// rediss:// and rediss+sentinel:// speak TLS. Options after "?": cluster=true, sentinel_user, sentinel_password,
// skip_verify=true (TLS without checking the certificate; for tests).
func ParseURL(raw string) (*redis.UniversalOptions, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return nil, errors.New("want redis://, rediss://, redis+sentinel:// or rediss+sentinel://")
	}
	// net/url refuses a list of hosts with ports; take the list out first.
	auth, hosts := "", rest
	if i := strings.IndexAny(hosts, "/?"); i >= 0 {
		hosts = hosts[:i]
	}
	tail := rest[len(hosts):]
	if i := strings.LastIndexByte(hosts, '@'); i >= 0 {
		auth, hosts = hosts[:i+1], hosts[i+1:]
	}
	u, err := url.Parse(scheme + "://" + auth + "list" + tail)
	if err != nil {
		return nil, errors.New("malformed user, path or query") // the error of net/url would reveal the password
	}
	opt := &redis.UniversalOptions{Addrs: strings.Split(hosts, ",")}
	for i, a := range opt.Addrs {
		if a == "" {
			return nil, errors.New("empty host")
		}
		if !strings.Contains(a[strings.LastIndexByte(a, ']')+1:], ":") {
			opt.Addrs[i] = a + defaultPort(scheme)
		}
	}
	if u.User != nil {
		opt.Username = u.User.Username()
		opt.Password, _ = u.User.Password()
	}
	if err := parsePath(u, opt); err != nil {
		return nil, err
	}
	return opt, parseQuery(u, opt)
}

func defaultPort(scheme string) string {
	if strings.HasSuffix(scheme, "sentinel") {
		return ":26379"
	}
	return ":6379"
}

func parsePath(u *url.URL, opt *redis.UniversalOptions) error {
	path := strings.Trim(u.Path, "/")
	switch u.Scheme {
	case "redis", "rediss":
	case "redis+sentinel", "rediss+sentinel":
		opt.MasterName, path, _ = strings.Cut(path, "/")
		if opt.MasterName == "" {
			return errors.New("want the master's name after the sentinels: redis+sentinel://host:port,…/mymaster")
		}
	default:
		return fmt.Errorf("unknown scheme %q: want redis, rediss, redis+sentinel or rediss+sentinel", u.Scheme)
	}
	if path != "" {
		db, err := strconv.Atoi(path)
		if err != nil || db < 0 {
			// Do not quote it: after an unescaped / or ? it may be the rest of a password.
			return errors.New("want a database number after the host; / ? # % in a password are written %2F %3F %23 %25")
		}
		opt.DB = db
	}
	if strings.HasPrefix(u.Scheme, "rediss") {
		opt.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12} // the server's name is that of each address
	}
	return nil
}

func parseQuery(u *url.URL, opt *redis.UniversalOptions) error {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("malformed query") // its error would reveal the contents
	}
	for key, values := range query {
		v := values[0]
		if (key == "cluster" || key == "skip_verify") && v != "true" && v != "false" {
			return fmt.Errorf("want true or false for %s", key)
		}
		switch key {
		case "cluster":
			opt.IsClusterMode = v == "true"
		case "sentinel_user":
			opt.SentinelUsername = v
		case "sentinel_password":
			opt.SentinelPassword = v
		case "skip_verify":
			if opt.TLSConfig != nil {
				opt.TLSConfig.InsecureSkipVerify = v == "true"
			}
		default:
			return errors.New("unknown option: want cluster, sentinel_user, sentinel_password or skip_verify")
		}
	}
	if len(opt.Addrs) > 1 && opt.MasterName == "" {
		opt.IsClusterMode = true
	}
	if opt.IsClusterMode && opt.DB != 0 {
		return errors.New("a cluster has only database 0")
	}
	return nil
}

// tune sets what the backbone depends on.
func tune(opt *redis.UniversalOptions) {
	opt.Protocol = 2           // scripts and pub/sub do not need RESP3
	opt.MaxRetries = -1        // go-redis would repeat a command blindly; the pipelines repeat calls themselves
	opt.PoolSize = workers + 1 // pipelines, and one for checks: a constant, however many sessions we hold
	opt.MaxActiveConns = workers + 1
	opt.PipelinePoolSize = -1
	opt.ReadTimeout, opt.WriteTimeout, opt.DialTimeout = ioTimeout, ioTimeout, ioTimeout
	opt.DialerRetries = 1 // the pipelines retry with their own back-off
	opt.PoolTimeout = ioTimeout
	opt.ContextTimeoutEnabled = true
	opt.DisableIdentity = true
	opt.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	if opt.IsClusterMode {
		opt.MaxRedirects = 3
	}
}
