package redistest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// masterName is what the Sentinel calls the pair.
const masterName = "pair"

// How long a primary has to be away before it is replaced, in milliseconds: when Failover has killed it, and before and after.
const (
	briefAway = "500"
	longAway  = "3600000"
)

// Replicated is a primary, a replica and a Sentinel that promotes the replica when Failover has killed the primary. A primary that is only slow, on a
// busy machine, stays what it is: there would be two for a while, and what the older one confirms meanwhile is lost. Its methods have to be called from the
// test's own goroutine.
type Replicated struct {
	tb       testing.TB
	nodes    [2]*Standalone
	sentinel *instance
}

// NewReplicated starts the three for this test alone and returns when the replica follows; args are added to the command
// lines of primary and replica. It takes about a second.
func NewReplicated(tb testing.TB, args ...string) *Replicated {
	tb.Helper()
	r := &Replicated{tb: tb}
	for i := range r.nodes {
		r.nodes[i] = NewServer(tb, append([]string{"--repl-diskless-sync-delay", "0"}, args...)...)
	}
	r.nodes[1].Do("REPLICAOF " + strings.Replace(r.nodes[0].Addr(), ":", " ", 1))
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := r.waitReplica(ctx, r.nodes[1]); err != nil {
		tb.Fatal(err)
	}
	var err error
	if r.sentinel, err = newSentinel(ctx, lookUp(tb), r.nodes[0].Addr()); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { r.sentinel.remove() })
	err = poll(ctx, func(ctx context.Context) (bool, error) {
		known, err := command(ctx, r.sentinel.address(), "SENTINEL REPLICAS "+masterName)
		return strings.Contains(known, r.nodes[1].Addr()), err
	})
	if err != nil {
		tb.Fatalf("wait for the Sentinel to know the replica: %v", err)
	}
	return r
}

func newSentinel(ctx context.Context, binary, primary string) (*instance, error) {
	dir, err := os.MkdirTemp("", "redistest-")
	if err != nil {
		return nil, err
	}
	in := &instance{binary: binary, dir: dir, config: filepath.Join(dir, "sentinel.conf")}
	text := "dir " + dir + "\n" +
		"sentinel monitor " + masterName + " " + strings.Replace(primary, ":", " ", 1) + " 1\n" +
		"sentinel down-after-milliseconds " + masterName + " " + longAway + "\n" +
		"sentinel failover-timeout " + masterName + " 3000\n"
	if err := os.WriteFile(in.config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return in.startAnywhere(ctx)
}

// waitReplica blocks until a server follows its primary.
func (r *Replicated) waitReplica(ctx context.Context, s *Standalone) error {
	return poll(ctx, func(ctx context.Context) (bool, error) {
		info, err := command(ctx, s.Addr(), "INFO replication")
		return field(info, "master_link_status") == "up", err
	})
}

// URL returns redis+sentinel://127.0.0.1:<port>/<master>.
func (r *Replicated) URL() string {
	return "redis+sentinel://" + r.sentinel.address() + "/" + masterName
}

// Primary returns the server that the Sentinel holds for the primary, Replica the other one.
func (r *Replicated) Primary() *Standalone {
	r.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	where, err := command(ctx, r.sentinel.address(), "SENTINEL GET-MASTER-ADDR-BY-NAME "+masterName)
	if err != nil {
		r.tb.Fatal(err)
	}
	for _, s := range r.nodes {
		if s.Addr() == strings.Replace(where, "\n", ":", 1) {
			return s
		}
	}
	r.tb.Fatal(errors.New("the Sentinel names a primary that is none of ours"))
	return nil
}

// Replica returns the server that is not the primary.
func (r *Replicated) Replica() *Standalone {
	r.tb.Helper()
	if r.Primary() == r.nodes[0] {
		return r.nodes[1]
	}
	return r.nodes[0]
}

// Failover kills the primary and returns when the Sentinel has promoted the replica; the old primary stays stopped.
func (r *Replicated) Failover() {
	r.tb.Helper()
	old := r.Primary()
	next := r.Replica()
	old.Kill()
	r.patience(briefAway)
	defer r.patience(longAway)
	r.await("promotion", func(ctx context.Context) (bool, error) {
		info, err := command(ctx, next.Addr(), "INFO replication")
		return err == nil && field(info, "role") == "master", nil // the Sentinel closes its connections when it promotes
	})
	r.await("the Sentinel to name it", func(ctx context.Context) (bool, error) {
		where, err := command(ctx, r.sentinel.address(), "SENTINEL GET-MASTER-ADDR-BY-NAME "+masterName)
		return strings.HasSuffix(where, "\n"+strconv.Itoa(next.instance.port)), err
	})
}

// patience sets how long a primary has to be away before it is replaced.
func (r *Replicated) patience(ms string) {
	r.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if _, err := command(ctx, r.sentinel.address(), "SENTINEL SET "+masterName+" down-after-milliseconds "+ms); err != nil {
		r.tb.Fatal(err)
	}
}

// Promotions returns how often the Sentinel has promoted a replica.
func (r *Replicated) Promotions() int {
	r.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	state, err := command(ctx, r.sentinel.address(), "SENTINEL MASTER "+masterName)
	_, rest, ok := strings.Cut(state, "config-epoch\n")
	epoch, _, _ := strings.Cut(rest, "\n")
	n, numberErr := strconv.Atoi(epoch)
	if err != nil || !ok || numberErr != nil {
		r.tb.Fatalf("ask the Sentinel for its epoch: %q, %v", state, err)
	}
	return n
}

// Synced returns when the replica has all that the primary had a moment ago.
func (r *Replicated) Synced() {
	r.tb.Helper()
	primary, replica := r.Primary(), r.Replica()
	want := field(primary.Do("INFO replication"), "master_repl_offset")
	r.await("the replica to catch up", func(ctx context.Context) (bool, error) {
		info, err := command(ctx, replica.Addr(), "INFO replication")
		got := field(info, "slave_repl_offset")
		return len(got) > len(want) || len(got) == len(want) && got >= want, err
	})
}

// Rejoin starts the server that Failover killed, as a replica, and returns when it follows the new primary. It is one from its first moment: an empty primary
// at an address that clients know would take what they send, and then throw it away.
func (r *Replicated) Rejoin() {
	r.tb.Helper()
	old := r.Replica()
	host, port, _ := strings.Cut(r.Primary().Addr(), ":")
	old.startAs("--replicaof", host, port)
	r.await("the old primary to follow the new one", func(ctx context.Context) (bool, error) {
		info, err := command(ctx, old.Addr(), "INFO replication")
		return field(info, "role") == "slave" && field(info, "master_link_status") == "up", err
	})
}

func (r *Replicated) await(what string, done func(context.Context) (bool, error)) {
	r.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := poll(ctx, done); err != nil {
		r.tb.Fatalf("wait for %s: %v; the logs of both and of the Sentinel end with:\n%s\n%s\n%s", what, err,
			r.nodes[0].instance.logTail(), r.nodes[1].instance.logTail(), r.sentinel.logTail())
	}
}

// Follow has the replica follow its primary by another way, such as a proxy, and returns when it does.
func (r *Replicated) Follow(addr string) {
	r.tb.Helper()
	replica := r.Replica()
	replica.Do("REPLICAOF " + strings.Replace(addr, ":", " ", 1))
	r.await("the replica to follow", func(ctx context.Context) (bool, error) { return true, r.waitReplica(ctx, replica) })
}
