package suite

import (
	"encoding/json"
	"regexp"
	"strings"
)

func iceChecks() []check {
	return []check{
		{"ice: servers with credentials follow the session frame, on a resume too", "R8.1", iceServers},
	}
}

// keepsICEServers sets aside where the client's ICE servers are: they come when the service likes, and no other check is about
// them. A plain client must not get any.
func (s *socket) keepsICEServers(m string) bool {
	if !s.rejoin || !strings.HasPrefix(m, `{"info":"iceServers",`) {
		return false
	}
	s.iceServers = append(s.iceServers, m)
	return true
}

// iceMessage is what R8.1 says of it. A credential begins with the time of its end (coturn's use-auth-secret).
var (
	iceMessage  = regexp.MustCompile(`^\{"info":"iceServers","iceServers":\[\{"urls":\[".*\],"ttlSeconds":[1-9]\d*\}$`)
	turnName    = regexp.MustCompile(`^\d{10,}:.`)
	turnSchemes = regexp.MustCompile(`^turns?:`)
)

func iceServers(p *probe) {
	wal, s := p.rejoin(p.a, wallet)
	wal.settled()
	if len(wal.iceServers) == 0 {
		p.skip("the service names no ICE servers")
	}
	first := checkICEServers(p, wal)
	wal.drop()
	wal, _ = p.resume(p.b, wallet, s, "")
	wal.settled()
	want(p, "ICE servers on both instances", checkICEServers(p, wal), first)
}

// checkICEServers looks at the one message that must have come so far and returns its URLs.
func checkICEServers(p *probe, s *socket) string {
	want(p, "messages with ICE servers", len(s.iceServers), 1)
	m := s.iceServers[0]
	var ice struct {
		ICEServers []struct {
			URLs                 []string
			Username, Credential string
		}
	}
	p.must(json.Unmarshal([]byte(m), &ice), "decode ICE servers")
	if !iceMessage.MatchString(m) {
		p.fail("got %s", m)
	}
	var all []string
	for _, server := range ice.ICEServers {
		for _, u := range server.URLs {
			all = append(all, u)
			if turnSchemes.MatchString(u) && (!turnName.MatchString(server.Username) || server.Credential == "") {
				p.fail("%s comes without a credential that ends by itself", u)
			}
		}
	}
	return strings.Join(all, " ")
}
