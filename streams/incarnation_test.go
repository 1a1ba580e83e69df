package streams_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rejoin-dev/rejoin/streams"
)

// Two processes of one name do each other no harm: what one holds is not the other's, in whatever order they come and die. The later one
// says so and gets no clients while the earlier one lives. R28.
func TestAProcessIsAnIncarnationOfItsName(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		name, named := ownName(2 * time.Second)
		other, x, room := p.open(t), p.open(t, named), newRoom() // the first one keeps an embedded Redis
		e := other.join(t, room, extension, rejoin)
		w := x.join(t, room, wallet, rejoin)

		y := p.start(t, named)
		y.wait(t, "it gives way", func() bool {
			err := y.Ready()
			return err != nil && strings.Contains(err.Error(), `INSTANCE_ID "`+name+`"`)
		})
		if err := x.Ready(); err != nil {
			t.Errorf("the first one: %v", err)
		}
		if streams.InstanceName(x.name) != name || streams.InstanceName(y.name) != name || x.name == y.name {
			t.Errorf("names %s, %s", x.name, y.name)
		}

		x.die(t)
		other.wait(t, "its lease is over", func() bool { return other.live != nil && !other.live[x.name] && other.live[y.name] })
		y.wait(t, "it takes over the name", func() bool { return y.Ready() == nil })
		// What the dead instance held does not belong to this one: the next doorbell finds no subscriber, or the lease has run out.
		must(t, other.detach(w.ref(), streams.EntryID{}))
		if got := must(t, y.attach(w.back(streams.EntryID{}))); got.Verdict != streams.Resumed {
			t.Errorf("resume: %+v", got)
		}
		e.send(t, &member{id: w.id}, 'o', "0")
		y.bell(t, streams.BellData, w.id)
	})
}

// A process that crashed and comes back under its name does not have to wait for its own lease, where Redis can tell that the
// old one does not listen any more.
func TestACrashedProcessComesBackUnderItsNameAtOnce(t *testing.T) {
	onServers(t, func(t *testing.T, p *place) {
		_, named := ownName(time.Hour)
		p.open(t) // keeps an embedded Redis
		x := p.open(t, named)
		x.crash(t)
		p.open(t, named) // returns when it is ready
	})
}

// ownName is a name that no other test has: they share servers, and an instance gives way to an older one of its name.
func ownName(lease time.Duration) (name string, set func(*streams.Options)) {
	name = "web-" + randomHex(4)
	return name, func(o *streams.Options) { o.Instance, o.Lease = name, lease }
}
