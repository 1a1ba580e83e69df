package redistest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Migrate moves the slots of the given keys from where they are to the next primary, with all that is in them,
// as redis-cli --cluster reshard does: a slot's keys in one step. It returns when all nodes agree on who has them.
func (p *Partitioned) Migrate(keys ...string) {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	slots := make([]string, len(keys))
	for i, key := range keys {
		var err error
		if slots[i], err = command(ctx, p.cluster.nodes[0].address(), "CLUSTER KEYSLOT "+key); err == nil {
			err = p.migrate(ctx, slots[i])
		}
		if err != nil {
			p.tb.Fatal(fmt.Errorf("migrate a slot: %w", err))
		}
	}
	for _, slot := range slots {
		if err := p.settle(ctx, slot); err != nil {
			p.tb.Fatal(fmt.Errorf("agree on a slot: %w", err))
		}
	}
}

func (p *Partitioned) migrate(ctx context.Context, slot string) error {
	if err := p.settle(ctx, slot); err != nil {
		return err
	}
	m, err := p.beginMove(ctx, slot)
	if err != nil {
		return err
	}
	return m.finish(ctx)
}

// Move is a slot on its way from one primary to another, some of its keys here and some there.
type Move struct {
	p              *Partitioned
	slot           string
	to             int
	source, target *instance
	targetID       string
}

// BeginMove puts the slot of a key on its way to the next primary, with none of its keys yet.
func (p *Partitioned) BeginMove(key string) *Move {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	slot, err := command(ctx, p.cluster.nodes[0].address(), "CLUSTER KEYSLOT "+key)
	if err != nil {
		p.tb.Fatal(err)
	}
	m, err := p.beginMove(ctx, slot)
	if err != nil {
		p.tb.Fatal(fmt.Errorf("begin to move a slot: %w", err))
	}
	return m
}

// Keys moves these keys.
func (m *Move) Keys(keys ...string) {
	m.p.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := moveKeys(ctx, m.source, m.target, strings.Join(keys, " ")); err != nil {
		m.p.tb.Fatal(fmt.Errorf("move keys: %w", err))
	}
}

// Left returns the keys that are not moved yet, at most 100.
func (m *Move) Left() []string {
	m.p.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	keys, err := command(ctx, m.source.address(), "CLUSTER GETKEYSINSLOT "+m.slot+" 100")
	if err != nil {
		m.p.tb.Fatal(fmt.Errorf("list the keys of a slot: %w", err))
	}
	return strings.Fields(keys)
}

// Finish moves all keys that are left, and returns when all nodes agree on who has the slot.
func (m *Move) Finish() {
	m.p.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := m.finish(ctx); err != nil {
		m.p.tb.Fatal(fmt.Errorf("move a slot: %w", err))
	}
}

func (p *Partitioned) beginMove(ctx context.Context, slot string) (*Move, error) {
	nodes := p.cluster.nodes
	from, err := p.holder(ctx, slot)
	if err != nil {
		return nil, err
	}
	m := &Move{p: p, slot: slot, to: (from + 1) % len(nodes), source: nodes[from]}
	m.target = nodes[m.to]
	sourceID, err := command(ctx, m.source.address(), "CLUSTER MYID")
	if err != nil {
		return nil, err
	}
	if m.targetID, err = command(ctx, m.target.address(), "CLUSTER MYID"); err != nil {
		return nil, err
	}
	if _, err = command(ctx, m.target.address(), "CLUSTER SETSLOT "+slot+" IMPORTING "+sourceID); err != nil {
		return nil, err
	}
	_, err = command(ctx, m.source.address(), "CLUSTER SETSLOT "+slot+" MIGRATING "+m.targetID)
	return m, err
}

func (m *Move) finish(ctx context.Context) error {
	if err := drainSlot(ctx, m.source, m.target, m.slot); err != nil {
		return err
	}
	m.p.moved[m.slot] = m.to
	for _, node := range append([]*instance{m.target, m.source}, m.p.cluster.nodes...) {
		if _, err := command(ctx, node.address(), "CLUSTER SETSLOT "+m.slot+" NODE "+m.targetID); err != nil {
			return err
		}
	}
	return m.p.settle(ctx, m.slot)
}

// settle returns when all nodes agree on who has which slots since when (the configuration epochs), and one that was moved is where
// it was moved to. Moved faster than the nodes hear of each other, the new holder may have an older epoch than the one before,
// whose heartbeats then undo the move at some: in the end no node has the slot. redis-cli --cluster fix repairs that, and so does this.
func (p *Partitioned) settle(ctx context.Context, slot string) error {
	to, moved := p.moved[slot]
	id := ""
	if moved {
		var err error
		if id, err = command(ctx, p.cluster.nodes[to].address(), "CLUSTER MYID"); err != nil {
			return err
		}
	}
	return poll(ctx, func(ctx context.Context) (bool, error) {
		agreed, first := true, ""
		for i, node := range p.cluster.nodes {
			list, err := command(ctx, node.address(), "CLUSTER NODES")
			if err != nil {
				return false, err
			}
			if moved && !lists(list, id, slot) {
				agreed = false
				_, _ = command(ctx, node.address(), "CLUSTER SETSLOT "+slot+" NODE "+id) // refused while it has keys: asked again
			}
			if view := claims(list); i == 0 {
				first = view
			} else if view != first {
				agreed = false
			}
		}
		return agreed, nil
	})
}

// claims is what CLUSTER NODES says of the primaries: their epochs and slots, in one order. Slots on their way, "[93->-<node>]", are left
// out: only the two nodes concerned list them.
func claims(nodes string) string {
	var list []string
	for line := range strings.Lines(nodes) {
		if words := strings.Fields(line); len(words) > 7 && strings.Contains(words[2], "master") {
			slots := slices.DeleteFunc(words[8:], func(s string) bool { return s[0] == '[' })
			list = append(list, fmt.Sprint(words[0], words[6], slots))
		}
	}
	slices.Sort(list)
	return strings.Join(list, "\n")
}

// drainSlot moves keys until none is left: new ones may come while it works.
func drainSlot(ctx context.Context, source, target *instance, slot string) error {
	for {
		keys, err := command(ctx, source.address(), "CLUSTER GETKEYSINSLOT "+slot+" 100")
		if err != nil || keys == "" {
			return err
		}
		if err := moveKeys(ctx, source, target, strings.ReplaceAll(keys, "\n", " ")); err != nil {
			return err
		}
	}
}

func moveKeys(ctx context.Context, source, target *instance, keys string) error {
	_, err := command(ctx, source.address(), fmt.Sprintf("MIGRATE 127.0.0.1 %d \"\" 0 5000 KEYS %s", target.port, keys))
	return err
}

// holder returns which node serves a slot.
func (p *Partitioned) holder(ctx context.Context, slot string) (int, error) {
	for i, node := range p.cluster.nodes {
		list, err := command(ctx, node.address(), "CLUSTER NODES")
		if err != nil {
			return 0, err
		}
		if lists(list, "myself,master", slot) {
			return i, nil
		}
	}
	return 0, fmt.Errorf("no node has slot %s", slot)
}

// lists tells whether CLUSTER NODES says that the node whose line holds mark serves a slot.
func lists(nodes, mark, slot string) bool {
	n, err := strconv.Atoi(slot)
	if err != nil {
		return false
	}
	for line := range strings.Lines(nodes) {
		if words := strings.Fields(line); len(words) > 8 && (words[0] == mark || words[2] == mark) {
			return servesSlot(words[8:], n)
		}
	}
	return false
}

// servesSlot looks for a slot in ranges such as "0-5460" and "7000".
func servesSlot(ranges []string, slot int) bool {
	for _, r := range ranges {
		first, last, isRange := strings.Cut(r, "-")
		if !isRange {
			last = first
		}
		from, errFrom := strconv.Atoi(first)
		to, errTo := strconv.Atoi(last)
		if errFrom == nil && errTo == nil && from <= slot && slot <= to {
			return true
		}
	}
	return false
}
