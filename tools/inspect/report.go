package main

import (
	"context"
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// session is one as Redis knows it. Times are milliseconds, of Redis' clock.
type session struct {
	Room         string    `json:"room,omitempty"`
	Client       string    `json:"client"`
	Role         string    `json:"role"`
	Target       string    `json:"target"` // the role of its peers
	Dialect      string    `json:"dialect"`
	State        string    `json:"state"`              // live, suspended
	WindowMs     int64     `json:"windowMs,omitempty"` // left of the grace window, when suspended
	Instance     string    `json:"instance"`           // that holds it, or did last
	Lease        string    `json:"lease"`              // of that instance: live, gone
	Epoch        uint64    `json:"epoch"`
	Since        time.Time `json:"since"` // when its last connection came
	Waiting      int       `json:"waiting"`
	WaitingBytes int64     `json:"waitingBytes"`
	Acknowledged string    `json:"acknowledged,omitempty"` // entry ID
	Last         string    `json:"last"`                   // entry ID
}

const shortLen = 8

func short(id string) string { return id[:min(len(id), shortLen)] }

func newSession(m streams.MemberState) session {
	role, _ := wire.ParseRoleText(m.Role)
	c := session{
		Client: short(m.Client), Role: role.Source(), Target: role.Target(), Dialect: wire.Dialect(m.Dialect).String(), State: "live",
		Instance: m.Instance, Lease: "gone", Epoch: m.Epoch, Since: m.Attached.UTC(),
		Waiting: m.Waiting, WaitingBytes: m.WaitingBytes, Last: m.Last.String(),
	}
	if m.Leased {
		c.Lease = "live"
	}
	if m.Suspended {
		c.State, c.WindowMs = "suspended", m.Left.Milliseconds()
	}
	return c
}

// roomReport is one room.
type roomReport struct {
	Room    string    `json:"room"`
	Version uint64    `json:"version"`
	LivesMs int64     `json:"livesMs"` // until Redis forgets it, unless it is renewed
	Clients []session `json:"clients"`
}

// add adds what Redis holds under one name of the room.
func (r *roomReport) add(room string, s streams.RoomState) {
	if r.Room == "" {
		r.Room, r.Clients = short(room), []session{}
	}
	r.Version, r.LivesMs = max(r.Version, s.Version), max(r.LivesMs, s.Lives.Milliseconds())
	for _, m := range s.Members {
		c := newSession(m)
		c.Acknowledged = m.Acknowledged.String()
		r.Clients = append(r.Clients, c)
	}
}

// scanned is how far a walk through the rooms came.
type scanned struct {
	Rooms    int  `json:"rooms"`
	Complete bool `json:"complete"` // else there are more rooms than were looked at
}

// instanceReport is one instance.
type instanceReport struct {
	Instance string `json:"instance"`
	Lease    string `json:"lease"` // live, gone
	LeaseMs  int64  `json:"leaseMs,omitempty"`
	scanned
	Clients []session `json:"clients"` // live ones that it holds, and suspended ones that it held last
}

// named reports whether an instance is meant by name: INSTANCE_ID, or one incarnation of it.
func named(instance, name string) bool {
	return instance == name || streams.InstanceName(instance) == name
}

func newInstanceReport(ctx context.Context, in *streams.Inspector, name string, rooms int) (instanceReport, error) {
	r := instanceReport{Instance: name, Lease: "gone", Clients: []session{}}
	leases, err := in.Leases(ctx)
	if err != nil {
		return r, err
	}
	for _, l := range leases {
		if named(l.Instance, name) && l.Left > 0 {
			r.Lease, r.LeaseMs = "live", l.Left.Milliseconds()
		}
	}
	r.Complete, err = in.Scan(ctx, rooms, func(room string, s streams.RoomState) {
		r.Rooms++
		for _, m := range s.Members {
			if named(m.Instance, name) {
				c := newSession(m)
				c.Room = short(room)
				r.Clients = append(r.Clients, c)
			}
		}
	})
	return r, err
}

// held counts what one instance holds, or all do.
type held struct {
	Lease        string `json:"lease,omitempty"` // live, gone
	Live         int    `json:"live"`
	Suspended    int    `json:"suspended"`
	Waiting      int    `json:"waiting"`
	WaitingBytes int64  `json:"waitingBytes"`
}

func (h *held) add(m streams.MemberState) {
	if m.Suspended {
		h.Suspended++
	} else {
		h.Live++
	}
	h.Waiting += m.Waiting
	h.WaitingBytes += m.WaitingBytes
}

// totalsReport is all there is.
type totalsReport struct {
	scanned
	held
	Orphans   int              `json:"orphans"` // live sessions of instances without a lease
	Instances map[string]*held `json:"instances"`
}

func newTotalsReport(ctx context.Context, in *streams.Inspector, rooms int) (totalsReport, error) {
	r := totalsReport{Instances: map[string]*held{}}
	leases, err := in.Leases(ctx)
	if err != nil {
		return r, err
	}
	for _, l := range leases {
		if l.Left > 0 {
			r.Instances[l.Instance] = &held{Lease: "live"}
		}
	}
	r.Complete, err = in.Scan(ctx, rooms, func(_ string, s streams.RoomState) {
		r.Rooms++
		for _, m := range s.Members {
			r.count(m)
		}
	})
	return r, err
}

func (r *totalsReport) count(m streams.MemberState) {
	r.add(m)
	if !m.Leased && !m.Suspended {
		r.Orphans++
	}
	if r.Instances[m.Instance] == nil {
		r.Instances[m.Instance] = &held{Lease: "gone"}
	}
	r.Instances[m.Instance].add(m)
}
