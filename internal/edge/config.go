package edge

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/rejoin-dev/rejoin/internal/auth"
	"github.com/rejoin-dev/rejoin/internal/budget"
	"github.com/rejoin-dev/rejoin/internal/peerjs"
)

// Config is how the edge behaves. Every field has to be set but PeerJS; start from [DefaultConfig].
type Config struct {
	// Addr is where to listen, host:port. The host may be empty (every address), the port 0 (any).
	Addr string
	// Loops is the number of event loops, one per core that the process may use.
	Loops int
	// MaxConnections bounds upgraded connections; beyond it upgrades are refused with 503. 0: only the limit on open files applies, as it
	// always does.
	MaxConnections int
	// MaxPerAddress bounds the upgraded connections of one client address, where an IPv6 network of /64 counts as one address; beyond it
	// upgrades are refused with 429. 0: no bound.
	MaxPerAddress int
	// NewPerAddress bounds the upgrades that one client address may ask for in a second; more are refused with 429. 0: no bound.
	NewPerAddress int
	// TrustedProxies are the networks whose X-Forwarded-For is believed. For MaxPerAddress and NewPerAddress, any other proxy and all
	// clients behind it count as one client.
	TrustedProxies []netip.Prefix
	// MaxHeadBytes bounds a request head, including its blank line; beyond it: 431.
	MaxHeadBytes int
	// BasePath is what proxies in front may put before the path, see [wire.ParseBase]; it is cut off where it is present.
	BasePath string
	// HandshakeTimeout bounds the time from accepting a socket to its complete head; then 408.
	HandshakeTimeout time.Duration
	// MaxMessageBytes bounds a message, the sum of its fragments; beyond it: close 1009.
	MaxMessageBytes int
	// PeerJS is where PeerJS clients are served, if anywhere. MaxPeerJSBytes is MaxMessageBytes for them.
	PeerJS         peerjs.Config
	MaxPeerJSBytes int
	// MessageTimeout bounds the time from the first byte of a message or control frame to its last; then the connection counts as lost.
	MessageTimeout time.Duration
	// Buffers bounds what incomplete heads and messages and unwritten output may hold in total, plus whatever else its owner counts there.
	// Beyond it, the connections that have held the most for the longest are closed as lost.
	Buffers *budget.Budget
	// RateLimit is how many data frames a connection may send in a RateWindow, which starts with its first frame; one more closes with
	// 1013. 0: no limit; at most 65,534.
	RateLimit int
	// ControlLimit is the same for pings and pongs. It must leave room for the client's answers to pings, the session's included: a few
	// dozen a second at most. 0: no limit; at most 65,534.
	ControlLimit int
	// RateWindow is the length of that window.
	RateWindow time.Duration
	// MaxOutputBytes bounds what may wait to be written to a connection before Deliver refuses; at twice as much the connection is
	// closed as lost.
	MaxOutputBytes int
	// PingInterval is how long a connection may be silent before it is pinged. After twice that time it is closed as lost.
	PingInterval time.Duration
	// CloseTimeout bounds how long a closing connection may take to flush its last bytes and to close its side.
	CloseTimeout time.Duration
	// RetryAfter goes into the header of that name with 429 and 503, in whole seconds.
	RetryAfter time.Duration
	// Auth checks the tokens of connecting clients; nil: anyone may connect. With it, heads may be longer by the longest token.
	Auth *auth.Verifier
	// Origins lists the origins that may connect, see [origin.Parse]. A request without an Origin does not come from a browser, and is
	// always allowed.
	Origins []string
}

// maxRateLimit leaves room for one more in the counters of rate.
const maxRateLimit = 1<<16 - 2

// DefaultConfig returns the settings that docs/protocol.md promises unless it says otherwise.
func DefaultConfig() Config {
	return Config{
		Addr:             ":4000",
		Loops:            1,
		MaxHeadBytes:     8192,
		HandshakeTimeout: 10 * time.Second,
		MaxMessageBytes:  64 << 10,
		MaxPeerJSBytes:   256 << 10,
		MessageTimeout:   30 * time.Second,
		Buffers:          budget.New(32 << 20),
		RateLimit:        100,
		ControlLimit:     1000,
		RateWindow:       time.Second,
		MaxOutputBytes:   64 << 10,
		PingInterval:     25 * time.Second,
		CloseTimeout:     time.Second,
		RetryAfter:       time.Second,
		Origins:          []string{"*"},
	}
}

// check reports all fields with an impossible value at once.
func (c *Config) check() error {
	var errs []error
	positive := func(name string, value int64) {
		if value <= 0 {
			errs = append(errs, fmt.Errorf("%s is %d, has to be positive", name, value))
		}
	}
	positive("Loops", int64(c.Loops))
	positive("MaxHeadBytes", int64(c.MaxHeadBytes))
	positive("HandshakeTimeout", int64(c.HandshakeTimeout))
	positive("MaxMessageBytes", int64(c.MaxMessageBytes))
	positive("MaxPeerJSBytes", int64(c.MaxPeerJSBytes))
	positive("MessageTimeout", int64(c.MessageTimeout))
	positive("Buffers", c.Buffers.Limit())
	positive("RateWindow", int64(c.RateWindow))
	positive("MaxOutputBytes", int64(c.MaxOutputBytes))
	positive("PingInterval", int64(c.PingInterval))
	positive("CloseTimeout", int64(c.CloseTimeout))
	if min(c.MaxConnections, c.MaxPerAddress, c.NewPerAddress, c.RateLimit, c.ControlLimit) < 0 || c.RetryAfter < 0 {
		errs = append(errs, errors.New("MaxConnections, MaxPerAddress, NewPerAddress, RateLimit, ControlLimit and RetryAfter may not be negative"))
	}
	if asked := max(c.RateLimit, c.ControlLimit); asked > maxRateLimit {
		errs = append(errs, fmt.Errorf("RateLimit and ControlLimit may be %d at most, not %d", maxRateLimit, asked))
	}
	return errors.Join(errs...)
}
