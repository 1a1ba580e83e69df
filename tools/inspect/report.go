package main

import (
	"context"

	"github.com/rejoin-dev/rejoin/internal/sessionview"
	"github.com/rejoin-dev/rejoin/streams"
)

const shortLen = 8

func short(id string) string { return id[:min(len(id), shortLen)] }

// session is a sessionview.Session for the terminal.
type session sessionview.Session

// newSession shortens what a terminal may show, and leaves out the user, and the position in a mailbox: only add has read that.
func newSession(m streams.MemberState) session {
	s := session(sessionview.New(m))
	s.Client, s.User, s.Acknowledged = short(s.Client), "", ""
	return s
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
