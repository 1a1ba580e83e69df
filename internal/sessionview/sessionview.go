// Package sessionview has a session as operators see it: in JSON, from the private port and from tools/inspect.
package sessionview

import (
	"time"

	"github.com/rejoin-dev/rejoin/internal/wire"
	"github.com/rejoin-dev/rejoin/streams"
)

// Session is one as Redis knows it. Times are of Redis' clock.
type Session struct {
	Room         string    `json:"room,omitempty"`
	Client       string    `json:"client"`
	Role         string    `json:"role"`
	Target       string    `json:"target"` // the role of its peers
	User         string    `json:"user,omitempty"`
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

// New returns the view of a member. Its Room is not set.
func New(m streams.MemberState) Session {
	role, _ := wire.ParseRoleText(m.Role)
	s := Session{
		Client: m.Client, Role: role.Source(), Target: role.Target(), User: m.User, Dialect: wire.Dialect(m.Dialect).String(), State: "live",
		Instance: m.Instance, Lease: "gone", Epoch: m.Epoch, Since: m.Attached.UTC(),
		Waiting: m.Waiting, WaitingBytes: m.WaitingBytes, Acknowledged: m.Acknowledged.String(), Last: m.Last.String(),
	}
	if m.Leased {
		s.Lease = "live"
	}
	if m.Suspended {
		s.State, s.WindowMs = "suspended", m.Left.Milliseconds()
	}
	return s
}
