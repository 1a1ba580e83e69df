package edge

import (
	"time"

	"github.com/rejoin-dev/rejoin/internal/auth"
	"github.com/rejoin-dev/rejoin/internal/peerjs"
	"github.com/rejoin-dev/rejoin/internal/upgrade"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// deniedResponses are the responses to clients that may not connect, with Retry-After for those that may try again.
func deniedResponses(retryAfter time.Duration) map[auth.Refusal]*upgrade.Response {
	all := map[auth.Refusal]*upgrade.Response{}
	for _, r := range auth.Refusals() {
		response := upgrade.NotYet(retryAfter, r.Text())
		if challenge := r.Challenge(); challenge != "" {
			response = upgrade.Unauthorized(r.Status(), challenge, r.Text())
		}
		all[r] = &response
	}
	return all
}

// authenticate checks the client's token, if it needs one, and records its identity in the offer. It returns the response to a client that
// may not connect. A token comes as a subprotocol, because browsers cannot set headers, or as Authorization. If both are present, the
// subprotocol wins: the header may come from a proxy in front.
func (s *Server) authenticate(r *upgrade.Request, v *upgrade.Verdict) *upgrade.Response {
	if s.cfg.Auth == nil || v.Refused != nil || !s.cfg.Auth.Needs(v.Offer.Dialect) {
		return nil
	}
	token := v.Offer.Auth
	if token == "" && v.Offer.Dialect == wire.PeerJS && auth.MayBeToken(v.Offer.Token) {
		token = v.Offer.Token // the only field that the PeerJS client lets a page choose
	}
	if token == "" {
		token = string(r.Bearer)
	}
	id, refusal := s.cfg.Auth.Admit(token, v.Connect, &v.Offer, time.Now())
	switch {
	case refusal == auth.Admitted:
	case v.Offer.Dialect == wire.PeerJS && refusal.Challenge() != "":
		v.RefusePeerJS(peerjs.BadToken) // its page would not see an HTTP status
		return nil
	default:
		return s.denied[refusal]
	}
	v.Offer.Identity, v.Offer.Auth = id, ""
	return nil
}
