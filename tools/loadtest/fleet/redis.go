package fleet

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// redisArgs are the settings of every redis-server that is started here.
var redisArgs = []string{
	"--save", "", "--appendonly", "no", "--stream-node-max-bytes", "1024", "--maxmemory-policy", "noeviction",
	"--daemonize", "no", "--logfile", "", "--bind", "127.0.0.1",
}

// startRedis returns when the server answers. dir is its working directory.
func startRedis(ctx context.Context, binary, dir string) (*Process, error) {
	addr, err := freePort()
	if err != nil {
		return nil, err
	}
	return startRedisAt(ctx, binary, dir, addr)
}

func startRedisAt(ctx context.Context, binary, dir string, addr netip.AddrPort) (*Process, error) {
	args := append([]string{"--port", strconv.Itoa(int(addr.Port())), "--dir", dir}, redisArgs...)
	p, err := startProcess("redis", binary, args, nil)
	if err != nil {
		return nil, err
	}
	p.Addr = addr
	ours := func(ctx context.Context) error {
		pid, err := redisInfo(ctx, addr, "server", "process_id")
		if err == nil && pid != strconv.Itoa(p.PID) {
			err = fmt.Errorf("another server has %s", addr)
		}
		return err
	}
	if err := p.await(ctx, 5*time.Millisecond, ours); err != nil {
		p.Kill()
		return nil, err
	}
	return p, nil
}

// redisInfo returns one field of a section of INFO.
func redisInfo(ctx context.Context, addr netip.AddrPort, section, name string) (string, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp4", addr.String())
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(conn, "INFO "+section+"\r\n"); err != nil {
		return "", fmt.Errorf("ask redis: %w", err)
	}
	r := bufio.NewReader(conn)
	head, err := r.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("ask redis: %w", err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(head, "$")))
	if err != nil || n < 0 || n > 1<<20 {
		return "", fmt.Errorf("redis answers %q", strings.TrimSpace(head))
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return "", fmt.Errorf("ask redis: %w", err)
	}
	for line := range strings.Lines(string(body)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value), nil
		}
	}
	return "", fmt.Errorf("redis does not tell %s", name)
}
