package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// slots of a Redis Cluster.
const slots = 16384

// Slot returns the hash slot of a key: CRC-16/XMODEM of its hash tag, or of all of it (Redis Cluster specification).
func Slot(key string) uint16 {
	if i := strings.IndexByte(key, '{'); i >= 0 {
		if n := strings.IndexByte(key[i+1:], '}'); n > 0 {
			key = key[i+1 : i+1+n]
		}
	}
	var crc uint16
	for i := range len(key) {
		crc = crc<<8 ^ crcTable[byte(crc>>8)^key[i]]
	}
	return crc % slots
}

var crcTable = func() (table [256]uint16) {
	for i := range table {
		crc := uint16(i) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
		table[i] = crc
	}
	return table
}()

// route chooses the worker of a call: the one that has calls of its slot already, otherwise that of the slot's primary.
func (p *Pipelines) route(c *Call) *worker {
	c.slot, c.routed = Slot(c.Key), true
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.inflight[c.slot]
	if f == nil {
		f = &flight{w: p.workerOf(c.slot)}
		p.inflight[c.slot] = f
	}
	f.n++
	return f.w
}

// workerOf returns the worker of a slot's primary. mu is held.
func (p *Pipelines) workerOf(slot uint16) *worker {
	if p.table != nil && p.table[slot] != nil {
		return p.table[slot]
	}
	return p.first
}

// landed: a call of a slot is done.
func (p *Pipelines) landed(slot uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.inflight[slot]
	if f.n--; f.n == 0 {
		delete(p.inflight, slot)
	}
}

// served returns the workers of the primaries that have slots.
func (p *Pipelines) served() []*worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := map[*worker]bool{}
	var list []*worker
	if p.table == nil {
		return []*worker{p.first}
	}
	for _, w := range p.table {
		if w != nil && !seen[w] {
			seen[w] = true
			list = append(list, w)
		}
	}
	return list
}

// Primaries returns the primaries that have slots, by ID, each with why it does not answer, nil if it does; none of a single server.
func (p *Pipelines) Primaries() map[string]error {
	list := map[string]error{}
	served := p.served()
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, w := range p.workers {
		if slices.Contains(served, w) {
			list[id] = w.why()
		}
	}
	return list
}

// primaryAt returns a client of the primary at an address, nil if it is not known.
func (p *Pipelines) primaryAt(addr string) *redis.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.nodes[addr]
}

// Moved says that the table of who has which slots may be out of date.
func (p *Pipelines) Moved() {
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// Primary is one primary of a cluster.
type Primary struct {
	ID     string // as CLUSTER MYID tells
	Client *redis.Client
}

// kickPause bounds how often the primaries are asked because something went wrong.
const kickPause = 200 * time.Millisecond

// Watch keeps track of which primary of a cluster has which slots, until ctx ends. found is called with each primary that
// answers, every time it does, from several goroutines. Watch blocks.
func (p *Pipelines) Watch(ctx context.Context, cluster *redis.ClusterClient, every time.Duration, found func(Primary)) {
	p.routing.Store(true)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		p.readSlots(ctx, cluster, found)
		select {
		case <-time.After(kickPause):
		case <-ctx.Done():
			return
		}
		select {
		case <-p.kick:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// readSlots asks all primaries at once; the first answer counts, and none waits for another.
func (p *Pipelines) readSlots(ctx context.Context, cluster *redis.ClusterClient, found func(Primary)) {
	ctx, cancel := context.WithTimeout(ctx, p.opt.IOTimeout)
	defer cancel()
	var once sync.Once
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		pipe := node.Pipeline()
		id := redis.NewStringCmd(ctx, "CLUSTER", "MYID")
		_ = pipe.Process(ctx, id)
		ranges := pipe.ClusterSlots(ctx)
		if _, err := pipe.Exec(ctx); err != nil {
			return fmt.Errorf("read slots: %w", err)
		}
		once.Do(func() { p.update(ranges.Val()) })
		p.mu.Lock()
		p.nodes[node.Options().Addr] = node
		p.mu.Unlock()
		found(Primary{id.Val(), node})
		return nil
	})
	if err != nil && ctx.Err() == nil {
		p.opt.Logger.Debug("primary not asked for its slots", "error", err)
	}
}

// update takes a new table over. A worker is made for every primary that was not known.
func (p *Pipelines) update(ranges []redis.ClusterSlot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil || p.table != nil && slices.EqualFunc(ranges, p.ranges, sameRange) {
		return
	}
	p.ranges = ranges
	table := new([slots]*worker)
	for _, r := range ranges {
		if len(r.Nodes) == 0 || r.Start < 0 || r.End >= slots {
			continue
		}
		id := r.Nodes[0].ID
		w := p.workers[id]
		if w == nil {
			w = newWorker(p)
			p.workers[id] = w
			p.wg.Go(func() { w.run(p.ctx) })
		}
		for slot := r.Start; slot <= r.End; slot++ {
			table[slot] = w
		}
	}
	p.table = table
}

// sameRange compares the slots and who serves them; its replicas do not matter.
func sameRange(a, b redis.ClusterSlot) bool {
	return a.Start == b.Start && a.End == b.End && len(a.Nodes) > 0 && len(b.Nodes) > 0 && a.Nodes[0].ID == b.Nodes[0].ID
}
