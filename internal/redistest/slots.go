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
	nodes := p.cluster.nodes
	from, err := p.holder(ctx, slot)
	if err != nil {
		return err
	}
	to := (from + 1) % len(nodes)
	source, target := nodes[from], nodes[to]
	sourceID, err := command(ctx, source.address(), "CLUSTER MYID")
	if err != nil {
		return err
	}
	targetID, err := command(ctx, target.address(), "CLUSTER MYID")
	if err != nil {
		return err
	}
	if _, err = command(ctx, target.address(), "CLUSTER SETSLOT "+slot+" IMPORTING "+sourceID); err != nil {
		return err
	}
	if _, err = command(ctx, source.address(), "CLUSTER SETSLOT "+slot+" MIGRATING "+targetID); err != nil {
		return err
	}
	if err = drainSlot(ctx, source, target, slot); err != nil {
		return err
	}
	p.moved[slot] = to
	for _, node := range append([]*instance{target, source}, nodes...) {
		if _, err = command(ctx, node.address(), "CLUSTER SETSLOT "+slot+" NODE "+targetID); err != nil {
			return err
		}
	}
	return p.settle(ctx, slot)
}

// settle returns when all nodes agree on who has which slots since when (the configuration epochs), and one that was moved is where
// it was moved to. Moved faster than the nodes hear of each other, the new holder may have an older epoch than the one before,
// whose heartbeats then undo the move at some: in the end nobody has the slot. redis-cli --cluster fix is for that, and so is this.
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

// claims is what CLUSTER NODES says of the primaries: their epochs and slots, in one order.
func claims(nodes string) string {
	var list []string
	for line := range strings.Lines(nodes) {
		if words := strings.Fields(line); len(words) > 7 && strings.Contains(words[2], "master") {
			list = append(list, fmt.Sprint(words[0], words[6], words[8:]))
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
		line := fmt.Sprintf("MIGRATE 127.0.0.1 %d \"\" 0 5000 KEYS %s", target.port, strings.ReplaceAll(keys, "\n", " "))
		if _, err := command(ctx, source.address(), line); err != nil {
			return err
		}
	}
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
