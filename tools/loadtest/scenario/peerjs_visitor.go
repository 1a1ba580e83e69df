//go:build linux

package scenario

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/rejoin-dev/rejoin/tools/loadtest/swarm"
)

// visitor comes again and again under a new id, as new users do, to one instance after the other.
type visitor struct {
	longest time.Duration // that it could not come in
	ended   chan struct{}
}

// visitEvery is the pause between two visits, patienceOfVisitor how long one tries an instance.
const visitEvery, patienceOfVisitor = 100 * time.Millisecond, time.Second

func newVisitor(ctx context.Context, run string, servers []netip.AddrPort) *visitor {
	v := &visitor{ended: make(chan struct{})}
	go func() {
		defer close(v.ended)
		last := time.Now()
		for i := 0; ctx.Err() == nil; i++ {
			if visit(ctx, servers[i%len(servers)], fmt.Sprintf("visitor-%s-%d", run, i)) == nil {
				last = time.Now()
			}
			_ = sleep(ctx, visitEvery)
			v.longest = max(v.longest, time.Since(last))
		}
	}()
	return v
}

// visit returns nil when it was told OPEN.
func visit(ctx context.Context, to netip.AddrPort, id string) error {
	ctx, cancel := context.WithTimeout(ctx, patienceOfVisitor)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp4", to.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if _, err := conn.Write(swarm.Request(to.String(), "/peerjs?key=peerjs&id="+id+"&token=t&version=1.5.5", "")); err != nil {
		return err
	}
	var got []byte
	for buf := make([]byte, 1<<10); !bytes.Contains(got, []byte(`"OPEN"`)); {
		n, err := conn.Read(buf)
		if err != nil {
			return err
		}
		if got = append(got, buf[:n]...); len(got) > 1<<14 {
			return errors.New("no OPEN")
		}
	}
	return nil
}
