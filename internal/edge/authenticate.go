package edge

import (
	"net/http"
	"time"

	"github.com/rejoin-dev/rejoin/internal/auth"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// deniedAnswers are what clients get that may not connect. later is the Retry-After of those that may be right.
func deniedAnswers(later string) map[auth.Refusal]*answer {
	all := map[auth.Refusal]*answer{}
	for _, r := range auth.Refusals() {
		a := &answer{status: r.Status(), phrase: http.StatusText(r.Status()), body: r.Text()}
		if challenge := r.Challenge(); challenge != "" {
			a.header = "WWW-Authenticate: " + challenge + "\r\n"
		} else {
			a.header = later
		}
		all[r] = a
	}
	return all
}

// authenticate asks for a token, if one is needed, and notes in the offer whose it is. It returns the answer to a client that may not
// connect. The token comes as a subprotocol, for browsers cannot set headers, or as Authorization; where both are, the header may be that
// of a proxy in front, and the subprotocol is ours.
func (s *Server) authenticate(h *head, connect wire.Connect, offer *wire.Offer) *answer {
	if s.cfg.Auth == nil || !s.cfg.Auth.Needs(offer.Dialect) {
		return nil
	}
	token := offer.Auth
	if token == "" {
		token = string(h.bearer)
	}
	id, refusal := s.cfg.Auth.Admit(token, connect, offer, time.Now())
	if refusal != auth.Admitted {
		return s.denied[refusal]
	}
	offer.Identity, offer.Auth = id, ""
	return nil
}
