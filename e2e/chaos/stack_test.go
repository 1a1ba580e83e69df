package chaos_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/internal/proctest"
	"github.com/rejoin-dev/rejoin/internal/redistest"
)

const (
	instances = 3
	grace     = 20 * time.Second
	lease     = 2 * time.Second
)

// store says which Redis a stack has.
type store string

const (
	onDisk     store = "one Redis, appendonly" // keeps its data over a restart
	inMemory   store = "one Redis, in memory"
	replicated store = "primary, replica, Sentinel"
	cluster    store = "cluster"
)

// stack is three instances and what they stand on.
type stack struct {
	t        testing.TB
	settings []string

	// one of them
	server  *redistest.Standalone
	pair    *redistest.Replicated
	cluster *redistest.Partitioned

	mu    sync.Mutex
	nodes [instances]*node // guarded by mu
}

// node is one instance, with a proxy before it and, where Redis is one server, one behind it.
type node struct {
	process *proctest.Process
	door    proxy // clients come through it
	wire    proxy // to Redis; zero with Sentinel and cluster
	index   int
}

func newStack(t testing.TB, kind store, settings ...string) *stack {
	t.Helper()
	s := &stack{t: t, settings: append([]string{
		"GRACE_WINDOW=" + grace.String(), "INSTANCE_LEASE=" + lease.String(), "PING_INTERVAL=1s", "PEERJS_PATH=/",
	}, settings...)}
	switch kind {
	case onDisk:
		s.server = redistest.NewServer(t, "--appendonly", "yes", "--appendfsync", "everysec", "--enable-protected-configs", "yes") // CONFIG SET dir
	case inMemory:
		s.server = redistest.NewServer(t)
	case replicated:
		s.pair = redistest.NewReplicated(t)
	case cluster:
		s.cluster = redistest.NewCluster(t)
	}
	for i := range s.nodes {
		s.nodes[i] = s.start(i)
	}
	return s
}

// start starts one instance.
func (s *stack) start(i int) *node {
	s.t.Helper()
	n := &node{index: i}
	var url string
	switch {
	case s.server != nil:
		n.wire = newProxy(s.t, s.server.Addr())
		url = "redis://" + n.wire.Addr()
	case s.pair != nil:
		url = s.pair.URL()
	default:
		url = s.cluster.URL()
	}
	n.process = proctest.Start(s.t, append([]string{"REDIS_URL=" + url}, s.settings...)...)
	n.door = newProxy(s.t, n.process.Addr())
	return n
}

// node returns instance i as it is now.
func (s *stack) node(i int) *node {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nodes[i]
}

// replace starts an instance in the place of one that is gone.
func (s *stack) replace(i int) {
	s.t.Helper()
	n := s.start(i)
	s.mu.Lock()
	old := s.nodes[i]
	s.nodes[i] = n
	s.mu.Unlock()
	_ = old.door.Close()
}

// room returns the name of a new room. On a cluster the primaries have the rooms 0, 1, 2, … in turn.
func (s *stack) room(i int, kind roomKind) string {
	for {
		if id := newRoomID(); s.cluster == nil || s.cluster.Holder(kind.tag(id)) == i%3 {
			return id
		}
	}
}

// urls are the instances by name, beginning with i; see dial.
func urls(i int) []string {
	list := make([]string, instances)
	for n := range list {
		list[n] = "ws://instance-" + strconv.Itoa((i+n)%instances)
	}
	return list
}

// client returns an HTTP client that finds the instances by name, wherever they are now.
func (s *stack) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: s.dial}}
}

func (s *stack) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, _ := strings.Cut(addr, ":")
	i, err := strconv.Atoi(strings.TrimPrefix(host, "instance-"))
	if err != nil {
		return nil, fmt.Errorf("dial %s: no instance", addr)
	}
	var d net.Dialer
	return d.DialContext(ctx, network, s.node(i).door.Addr())
}
