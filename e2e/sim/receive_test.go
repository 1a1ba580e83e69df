package sim_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/rejoin-dev/rejoin/e2e/chaos/history"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

type incoming struct {
	Info           string          `json:"info"`
	ClientID       string          `json:"clientId"`
	ResumeToken    string          `json:"resumeToken"`
	Resumed        bool            `json:"resumed"`
	Reason         string          `json:"reason"`
	Peers          []incomingPeer  `json:"peers"`
	Undelivered    json.RawMessage `json:"undelivered"`
	RequestID      string          `json:"requestId"`
	RemoteClientID string          `json:"remoteClientId"`
	ID             string          `json:"id"`
	RetryInMs      int64           `json:"retryInMs"`
	ReconnectInMs  int64           `json:"reconnectInMs"`
	AgoMs          int64           `json:"agoMs"`
}

type incomingPeer struct {
	RemoteClientID string `json:"remoteClientId"`
	State          string `json:"state"`
}

func (m *member) receive(s *socket, f frame) {
	if m.left {
		return
	}
	if f.kind == frameUpgraded {
		if s == m.pending {
			began := m.began
			m.opened(s)
			m.sim.log_.Add(history.Event{Kind: history.Opened, Member: m.Name, Conn: m.conn, Began: began})
			m.pump()
		}
		return
	}
	var in incoming
	if err := json.Unmarshal(f.data, &in); err != nil {
		panic(fmt.Sprintf("%s: %s", err, f.data))
	}
	if s == m.pending && in.Info == "session" {
		m.welcome(s, &in)
		return
	}
	conn, known := m.conns[s]
	if !known {
		return
	}
	switch in.Info {
	case "confirmation":
		m.answered(s, in.RequestID, history.Confirmed)
	case "missingRemoteClientError", "mailboxFullError":
		m.answered(s, in.RequestID, history.Refused)
	case "retryError":
		m.sim.trace("%s %d is to send %s again", m.Name, conn, in.RequestID)
		if s == m.current {
			m.paused = m.sim.w.now() + time.Duration(in.RetryInMs)*time.Millisecond
			for _, p := range m.outbox {
				p.sent = false
			}
			m.after(time.Duration(in.RetryInMs)*time.Millisecond+time.Millisecond, m.pump)
		}
	case "remoteClientIsAlreadyConnected", "remoteClientJustConnected":
		if s == m.current {
			m.peers = append(m.peers, in.RemoteClientID)
		}
		m.note(history.Announced, conn, in.RemoteClientID, "")
	case "remoteClientDisconnected":
		m.peers = slices.DeleteFunc(m.peers, func(p string) bool { return p == in.RemoteClientID })
		var ids []string
		if len(in.Undelivered) > 0 {
			_ = json.Unmarshal(in.Undelivered, &ids)
		}
		for _, id := range ids {
			m.note(history.Undelivered, conn, in.RemoteClientID, id)
		}
		m.note(history.Gone, conn, in.RemoteClientID, "")
	case "undelivered":
		if in.Reason != "expired" {
			m.sim.violate("answer", m.Name, "was told %s", f.data)
		}
		m.note(history.Expired, conn, in.RemoteClientID, in.RequestID)
	case "remoteData":
		m.data(s, conn, &in)
	case "storeReplaced":
		since := m.sim.w.now() - time.Duration(in.AgoMs)*time.Millisecond - 10*time.Second
		for _, c := range m.recent {
			if c.at > since {
				m.note(history.Doubted, conn, "", c.id)
			}
		}
	case "goAway":
		m.after(m.between(0, time.Duration(in.ReconnectInMs)*time.Millisecond+1), func() {
			if s == m.current && !m.trying {
				m.trying = true
				m.attempt()
			}
		})
	case "remoteClientSuspended", "remoteClientResumed", "iceServers":
	default:
		m.sim.violate("answer", m.Name, "was told %s", f.data)
	}
}

func (m *member) welcome(s *socket, in *incoming) {
	began := m.began
	m.opened(s)
	m.self, m.token = in.ClientID, in.ResumeToken
	for _, p := range in.Peers {
		m.peers = append(m.peers, p.RemoteClientID)
	}
	m.sim.log_.Add(history.Event{
		Kind: history.Opened, Member: m.Name, Conn: m.conn, Self: in.ClientID, Resumed: in.Resumed, Peers: slices.Clone(m.peers), Began: began,
	})
	var lists []struct {
		RemoteClientID string   `json:"remoteClientId"`
		RequestIDs     []string `json:"requestIds"`
	}
	if len(in.Undelivered) > 0 {
		_ = json.Unmarshal(in.Undelivered, &lists)
	}
	for _, l := range lists {
		for _, id := range l.RequestIDs {
			m.note(history.Undelivered, m.conn, l.RemoteClientID, id)
		}
	}
	if in.Resumed {
		m.ack()
	} else {
		m.received, m.handled, m.unacked = wire.EntryID{}, wire.EntryID{}, 0
	}
	m.pump()
}

func (m *member) data(s *socket, conn int, in *incoming) {
	if !m.Plain {
		id, ok := wire.ParseEntryID([]byte(in.ID))
		if !ok || compare(id, m.received) <= 0 {
			return
		}
		m.received = id
	}
	m.note(history.Delivered, conn, in.RemoteClientID, in.RequestID)
	if m.Plain || s != m.current {
		return
	}
	m.handled = m.received
	m.note(history.Acked, conn, in.RemoteClientID, in.RequestID)
	m.unacked++
	if m.unacked >= 16 {
		m.ack()
	} else if !m.ackDue {
		m.ackDue = true
		m.after(time.Second, func() {
			m.ackDue = false
			if m.unacked > 0 {
				m.ack()
			}
		})
	}
}

func compare(a, b wire.EntryID) int {
	switch {
	case a == b:
		return 0
	case a.Epoch < b.Epoch || a.Epoch == b.Epoch && a.Seq < b.Seq:
		return -1
	}
	return 1
}

func (m *member) ack() {
	s := m.current
	if s == nil {
		return
	}
	if wait := m.muted - m.sim.w.now(); wait > 0 {
		m.after(wait, func() {
			if m.unacked > 0 {
				m.ack()
			}
		})
		return
	}
	m.unacked = 0
	text := []byte(`{"method":"ack","id":"` + m.handled.String() + `"}`)
	s.send(func() { s.session.Message(text) })
}
