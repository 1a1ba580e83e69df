package streams

import (
	"context"
	"net"
	"sync"
)

// interrupt closes a subscription's connections, which ends its read. redis.PubSub.Close would too, but may block: PubSub holds the same
// lock while it reconnects, perhaps to a server that hangs.
type interrupt struct {
	mu    sync.Mutex
	ended bool
	conns []net.Conn
}

type interruptKey struct{}

// interruptible returns a context whose dialed connections can all be closed, see interrupting. Call stop when there will be no more of
// them.
func interruptible(ctx context.Context) (_ context.Context, stop func() bool) {
	i := &interrupt{}
	return context.WithValue(ctx, interruptKey{}, i), context.AfterFunc(ctx, i.end)
}

func (i *interrupt) end() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ended = true
	for _, c := range i.conns {
		_ = c.Close()
	}
}

// took remembers c, or closes it if it came too late. It reports which.
func (i *interrupt) took(c net.Conn) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.ended {
		_ = c.Close()
		return false
	}
	i.conns = append(i.conns, c)
	return true
}

// interrupting is dial for contexts that may be interruptible.
func interrupting(dial func(ctx context.Context, network, addr string) (net.Conn, error)) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		if i, ok := ctx.Value(interruptKey{}).(*interrupt); ok && !i.took(c) {
			return nil, context.Canceled
		}
		return c, nil
	}
}
