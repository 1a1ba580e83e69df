package suite

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
)

// session is the frame that opens a rejoin.v1 session.
type session struct {
	raw         string
	ClientID    string `json:"clientId"`
	ResumeToken string `json:"resumeToken"`
	Resumed     bool   `json:"resumed"`
	Reason      string `json:"reason"`
	Replay      int    `json:"replay"`
	Superseded  int    `json:"superseded"`
	Peers       []struct {
		ID    string `json:"remoteClientId"`
		State string `json:"state"`
	} `json:"peers"`
	Undelivered []struct {
		ID         string   `json:"remoteClientId"`
		RequestIDs []string `json:"requestIds"`
	} `json:"undelivered"`
	GraceMs         int64 `json:"graceMs"`
	PingMs          int64 `json:"pingMs"`
	MaxMessageBytes int   `json:"maxMessageBytes"`
}

var clientIDPattern = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// rejoin opens a session at an instance; offers are further subprotocols.
func (p *probe) rejoin(base, role string, offers ...string) (*socket, session) {
	return p.rejoinAt(base, p.path(role), offers...)
}

func (p *probe) rejoinAt(base, target string, offers ...string) (*socket, session) {
	list := strings.Join(append([]string{"rejoin.v1"}, offers...), ", ")
	s := p.open(base, target, "Sec-WebSocket-Protocol: "+list)
	want(p, "subprotocol", s.resp.Header.Get("Sec-WebSocket-Protocol"), "rejoin.v1")
	f := session{raw: s.next()}
	p.must(json.Unmarshal([]byte(f.raw), &f), "decode session frame")
	if !strings.HasPrefix(f.raw, `{"info":"session","clientId":"`) || !clientIDPattern.MatchString(f.ClientID) || f.ResumeToken == "" {
		p.fail("first frame is %s", f.raw)
	}
	return s, f
}

// resume comes back with a session's token and, unless it is empty, a position; it must be accepted.
func (p *probe) resume(base, role string, old session, after string) (*socket, session) {
	offers := []string{"rejoin.resume." + old.ResumeToken}
	if after != "" {
		offers = append(offers, "rejoin.after."+after)
	}
	s, f := p.rejoin(base, role, offers...)
	if !f.Resumed {
		p.fail("resume refused: %s", f.raw)
	}
	want(p, "client id after the resume", f.ClientID, old.ClientID)
	return s, f
}

// entry is a remoteData message.
type entry struct {
	From      string          `json:"remoteClientId"`
	RequestID string          `json:"requestId"`
	ID        string          `json:"id"`
	Data      json.RawMessage `json:"data"`
}

// data reads the next message, which must be data.
func (s *socket) data() entry {
	raw := s.next()
	if !strings.HasPrefix(raw, `{"info":"remoteData","data":`) {
		s.p.fail("got %s, want remoteData", raw)
	}
	var e entry
	s.p.must(json.Unmarshal([]byte(raw), &e), "decode remoteData")
	return e
}

// wantData reads data with these request ids, in this order, and returns the last.
func (s *socket) wantData(requestIDs ...string) entry {
	var last entry
	for _, id := range requestIDs {
		e := s.data()
		want(s.p, "request id of the data", e.RequestID, id)
		if e.ID != "" && last.ID != "" && !rises(last.ID, e.ID) {
			s.p.fail("entry id %s after %s", e.ID, last.ID)
		}
		last = e
	}
	return last
}

// rises compares entry ids.
func rises(before, after string) bool {
	b, a := strings.Split(before, "-"), strings.Split(after, "-")
	if len(a) != 2 || len(b) != 2 {
		return false
	}
	pad := func(parts []string) string {
		return strings.Repeat("0", 20-len(parts[0])) + parts[0] + strings.Repeat("0", 20-len(parts[1])) + parts[1]
	}
	return pad(b) < pad(a)
}

// send sends a message and reads its confirmation, which must be what comes next.
func (s *socket) send(method, target string) string {
	id := s.p.requestID()
	s.text(message(id, method, target, "e"))
	s.want(confirmation(id))
	return id
}

// sends sends several messages to one target and returns their request ids.
func (s *socket) sends(target string, methods ...string) []string {
	ids := make([]string, 0, len(methods))
	for _, m := range methods {
		ids = append(ids, s.send(m, target))
	}
	return ids
}

func candidates(n int) []string { return slices.Repeat([]string{"iceCandidate"}, n) }

const nobody = "00000000-0000-4000-8000-000000000000"

// settled returns once the server has taken in all that this socket sent, its join included; nothing else may come meanwhile.
func (s *socket) settled() *socket {
	id := s.p.requestID()
	s.text(message(id, "offer", nobody, "e"))
	s.want(missing(id))
	return s
}

// peer reads the announcement of a peer and returns its id.
func (s *socket) peer(info string) string {
	m := s.next()
	id, ok := strings.CutPrefix(m, `{"info":"remoteClient`+info+`","remoteClientId":"`)
	id, closed := strings.CutSuffix(id, `"}`)
	if !ok || !closed || !clientIDPattern.MatchString(id) {
		s.p.fail("got %s, want remoteClient%s", m, info)
	}
	return id
}

// fence proves that s has heard nothing so far: what from sends to it, under its id, must be what comes next. It returns the
// entry, and with it the id under which s knows from.
func (s *socket) fence(id string, from *socket) entry {
	return s.wantData(from.send("iceCandidate", id))
}

// pair is a plain extension on A and a plain wallet on B that know each other.
type pair struct {
	ext, wal     *socket
	extID, walID string
}

func (p *probe) pair() pair {
	ext := p.plain(p.a, extension).settled()
	wal := p.plain(p.b, wallet)
	extID := wal.peer("IsAlreadyConnected")
	return pair{ext: ext, wal: wal, extID: extID, walID: ext.peer("JustConnected")}
}

// reunion is a rejoin.v1 extension on A and a rejoin.v1 wallet on B that know each other.
type reunion struct {
	ext, wal   *socket
	extS, walS session
}

func (p *probe) reunion() reunion {
	var r reunion
	r.ext, r.extS = p.rejoin(p.a, extension)
	r.wal, r.walS = p.rejoin(p.b, wallet)
	want(p, "peer of the extension", r.ext.peer("JustConnected"), r.walS.ClientID)
	return r
}

// lose drops the wallet and waits until the extension has heard of it.
func (r *reunion) lose() {
	r.wal.drop()
	r.ext.want(peerInfo("Suspended", r.walS.ClientID))
}

// comeBack resumes the wallet at an instance and lets the extension hear of it.
func (r *reunion) comeBack(base, after string) session {
	r.wal, r.walS = r.ext.p.resume(base, wallet, r.walS, after)
	r.ext.want(peerInfo("Resumed", r.walS.ClientID))
	return r.walS
}

// needShortGrace skips the check unless the end of the grace window can be waited for, makes it patient enough, and returns
// the window.
func (p *probe) needShortGrace(s session) time.Duration {
	grace := p.grace
	if grace == 0 {
		grace = time.Duration(s.GraceMs) * time.Millisecond
	}
	if grace > MaxGrace {
		p.skip("the grace window of %v is longer than %v", grace, MaxGrace)
	}
	p.patience.Add(int64(grace))
	return grace
}
