package upgrade

import (
	"encoding/base64"
	"errors"

	"github.com/rejoin-dev/rejoin/internal/origin"
	"github.com/rejoin-dev/rejoin/internal/peerjs"
	"github.com/rejoin-dev/rejoin/internal/wire"
)

// healthPath answers 200 as long as the process runs.
const healthPath = "/health"

// Policy decides which requests are upgraded. It is safe for concurrent use.
type Policy struct {
	basePath string
	origins  *origin.Gate
	peerjs   peerjs.Config
	foreign  foreignProtocols
}

// NewPolicy makes a Policy. basePath is what proxies in front may put before the path, see [wire.ParseBase].
func NewPolicy(basePath string, origins *origin.Gate, peers peerjs.Config) *Policy {
	p := &Policy{basePath: basePath, origins: origins, peerjs: peers}
	p.foreign.init()
	return p
}

// Verdict is what a request gets.
type Verdict struct {
	// Response is set if it is not upgraded.
	Response *Response
	// Connect is what the client asks for with its upgrade.
	Connect wire.Connect
	// Offer is what its subprotocols say.
	Offer wire.Offer
	// Refused is set if Connect is wrong. Such a request is upgraded all the same: a browser's WebSocket shows its page no HTTP status,
	// but it shows the reason of a close frame.
	Refused *wire.RefusedError
	// Last is what such a client is sent before the close frame, "" for nothing.
	Last string
	// Peers: the response is the list of PeerJS ids, for the caller to make with [PeerList].
	Peers bool
}

// Judge decides what a request gets, as far as that depends on the request and not on the state of the server.
func (p *Policy) Judge(r *Request) Verdict {
	target, err := wire.ParseTarget(r.target, p.basePath)
	if err != nil {
		return Verdict{Response: &BadRequest}
	}
	if p.peerjs.Path != "" {
		if route := p.peerjs.Route(target); route != peerjs.None {
			return p.judgePeerJS(r, target, route)
		}
	}
	offer := wire.ParseSubprotocols(r.Protocols...)
	connect, err := target.Connect(offer.Dialect)
	refused := refusal(err)
	if err != nil && refused == nil {
		return Verdict{Response: &BadRequest}
	}
	if bad := r.malformed(); bad != nil {
		return Verdict{Response: bad}
	}
	if !r.asksForUpgrade() {
		return Verdict{Response: withoutUpgrade(target, refused)}
	}
	if bad := p.badUpgrade(r); bad != nil {
		return Verdict{Response: bad}
	}
	return Verdict{Connect: connect, Offer: offer, Refused: refused}
}

// malformed returns the response to a request that no path has, nil if there is nothing wrong with it.
func (r *Request) malformed() *Response {
	switch {
	case r.hosts > 1, r.hosts == 0 && !r.http10:
		return &BadRequest
	case string(r.method) != "GET" && !r.IsHead():
		return &BadMethod
	case r.body:
		return &BadRequest
	}
	return nil
}

func (r *Request) asksForUpgrade() bool {
	return !r.http10 && r.upgrade && r.connection && !r.IsHead()
}

// badUpgrade returns the response to a request for an upgrade that cannot be granted, nil if it can.
func (p *Policy) badUpgrade(r *Request) *Response {
	switch {
	case r.versions != 1, r.keys != 1, r.origins > 1:
		return &BadRequest
	case string(r.version) != "13":
		return &Required
	case !isKey(r.Key):
		return &BadRequest
	case r.origins == 1 && !p.origins.Allows(string(r.origin)):
		return &Forbidden
	}
	return nil
}

// refusal returns the refusal that err is, nil if it is none.
func refusal(err error) *wire.RefusedError {
	if err == nil {
		return nil
	}
	var refused *wire.RefusedError // moved to the heap by errors.As
	_ = errors.As(err, &refused)
	return refused
}

// withoutUpgrade is the response to a GET or HEAD that does not ask for an upgrade.
func withoutUpgrade(target wire.Target, refused *wire.RefusedError) *Response {
	switch {
	case string(target.Path) == healthPath:
		return &Health
	case refused == nil:
		return &Required
	}
	if _, ok := target.Room(wire.RejoinV1); !ok {
		return &NotFound
	}
	return &Required
}

// keyLen is the length of 16 bytes in base64.
const keyLen = 24

// isKey reports whether a Sec-WebSocket-Key decodes to 16 bytes (RFC 6455 section 4.2.1).
func isKey(key []byte) bool {
	var decoded [18]byte
	if len(key) != keyLen {
		return false
	}
	n, err := base64.StdEncoding.Decode(decoded[:], key)
	return err == nil && n == 16
}
