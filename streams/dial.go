package streams

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
)

// dialer connects to Redis as go-redis does by itself, TLS included when config is set, over connections that cost less (see quiet). It
// blocks for less than ioTimeout. Dials pending when life ends are given up.
func dialer(life context.Context, config *tls.Config) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, ioTimeout*3/4) // before the caller gives up, so that the cause is reported
		defer cancel()
		defer context.AfterFunc(life, cancel)()
		var d net.Dialer
		c, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		if c = quiet(c); config == nil {
			return c, nil
		}
		secure := tls.Client(c, serverConfig(config, addr))
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = c.Close()
			return nil, fmt.Errorf("TLS handshake with %s: %w", addr, err)
		}
		return secure, nil
	}
}

// serverConfig expects the certificate of the host in addr, unless config names another.
func serverConfig(config *tls.Config, addr string) *tls.Config {
	if config.ServerName != "" {
		return config
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	config = config.Clone()
	config.ServerName = host
	return config
}
