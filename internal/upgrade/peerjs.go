package upgrade

import (
	"encoding/json"

	"github.com/rejoin-dev/rejoin/internal/peerjs"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// about is the response to a request for the path itself.
const about = `{"name":"Rejoin","description":"A signaling server for PeerJS clients, and others","website":"https://github.com/rejoin-dev/rejoin"}`

const (
	kindJSON = "application/json; charset=utf-8"
	kindID   = "text/html; charset=utf-8" // as PeerServer has it
)

// judgePeerJS decides about a request that is for PeerJS.
func (p *Policy) judgePeerJS(r *Request, target wire.Target, route peerjs.Route) Verdict {
	if string(r.method) == "OPTIONS" && r.hosts == 1 && !r.body {
		return Verdict{Response: p.shared(r, Response{Status: 204, phrase: "No Content", kind: kindJSON, header: "Access-Control-Allow-Methods: GET,HEAD\r\n"})}
	}
	if bad := r.malformed(); bad != nil {
		return Verdict{Response: bad}
	}
	switch route {
	case peerjs.About:
		return Verdict{Response: p.shared(r, Response{Status: 200, phrase: "OK", kind: kindJSON, body: about})}
	case peerjs.ID:
		return Verdict{Response: p.shared(r, Response{Status: 200, phrase: "OK", kind: kindID, body: peerjs.NewID(), header: "Cache-Control: no-store\r\n"})}
	case peerjs.Peers:
		if p.peerjs.Discovery {
			return Verdict{Peers: true}
		}
		return Verdict{Response: p.shared(r, Response{Status: 401, phrase: "Unauthorized", body: "Unauthorized", kind: "text/plain; charset=utf-8"})}
	case peerjs.Socket, peerjs.None:
	}
	if !r.asksForUpgrade() {
		return Verdict{Response: &Required}
	}
	if bad := p.badUpgrade(r); bad != nil {
		return Verdict{Response: bad}
	}
	hello, refused := p.peerjs.Hello(target)
	offer := wire.ParseSubprotocols(r.Protocols...)
	v := Verdict{
		Connect: wire.Connect{Room: hello.Room, Source: wire.Equal, Peer: hello.ID},
		Offer:   wire.Offer{Dialect: wire.PeerJS, Accept: offer.Accept, Auth: offer.Auth, Resume: true, Token: hello.Token},
	}
	if refused != "" {
		v.RefusePeerJS(refused)
	}
	return v
}

// RefusePeerJS makes it the verdict on a PeerJS client that is refused: msg is what its page is told.
func (v *Verdict) RefusePeerJS(msg string) {
	v.Refused, v.Last = &wire.RefusedError{Reason: msg}, peerjs.Error(msg)
}

// PeerList returns what makes the response with the ids that are connected. The request may be gone by then.
func (p *Policy) PeerList(r *Request) func(ids []string) *Response {
	response := p.shared(r, Response{Status: 200, phrase: "OK", kind: kindJSON, header: "Cache-Control: no-store\r\n"})
	return func(ids []string) *Response {
		body, _ := json.Marshal(ids) // strings always can
		response.body = string(body)
		return response
	}
}

// shared lets the page read a response, if pages of its origin may connect (CORS). PeerServer lets every page.
func (p *Policy) shared(r *Request, response Response) *Response {
	response.header += "Vary: Origin\r\n"
	if r.origins == 1 && p.origins.Allows(string(r.origin)) {
		response.header += "Access-Control-Allow-Origin: " + string(r.origin) + "\r\n"
	}
	return &response
}
