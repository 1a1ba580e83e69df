package suite

import "strings"

func presenceChecks() []check {
	return []check{
		{"presence: a joiner hears of all peers, newest last, and they of it", "P3.1 P3.2 P3.7", announcements},
		{"presence: alone, nothing is heard", "P3.3", alone},
		{"presence: clients of one role never hear of each other", "P3.4 P5.4", sameRole},
		{"presence: a leave is heard once, whatever the close code", "P3.5 P3.6 P5.4", leaves},
		{"presence: connect and leave at once, never out of order", "P3.6", flaps},
		{"presence: both dialects announce each other", "P3.1 P3.2 R1.4 R1.6", mixedDialects},
	}
}

func announcements(p *probe) {
	var peers []*socket
	for _, base := range []string{p.a, p.b, p.a, p.b} {
		peers = append(peers, p.plain(base, extension).settled())
	}
	wal := p.plain(p.b, wallet)
	var ids []string
	for range peers {
		ids = append(ids, wal.peer("IsAlreadyConnected"))
	}
	walID := peers[0].peer("JustConnected")
	for _, peer := range peers[1:] {
		peer.want(peerInfo("JustConnected", walID))
	}
	for i, peer := range peers {
		id := peer.p.requestID()
		m := message(id, "offer", walID, "e")
		peer.text(m)
		peer.want(confirmation(id))
		wal.want(remoteData(m, ids[i], id))
	}
}

func alone(p *probe) {
	p.plain(p.a, wallet).settled()
	p.plain(p.b, wallet).settled()
}

func sameRole(p *probe) {
	first := p.plain(p.a, wallet).settled()
	second := p.plain(p.b, wallet).settled()
	ext := p.plain(p.a, extension)
	firstID, secondID := ext.peer("IsAlreadyConnected"), ext.peer("IsAlreadyConnected")
	extID := first.peer("JustConnected")
	second.want(peerInfo("JustConnected", extID))
	id := p.requestID()
	first.text(message(id, "offer", secondID, "e"))
	first.want(missing(id))
	second.leave(1000)
	ext.want(peerInfo("Disconnected", secondID))
	first.fence(firstID, ext)
}

func leaves(p *probe) {
	ext := p.plain(p.a, extension).settled()
	witness := p.plain(p.b, extension).settled()
	for _, code := range []int{1000, 1001, 0, 3000, 4999} {
		wal := p.plain(p.b, wallet)
		wal.peer("IsAlreadyConnected")
		id := ext.peer("JustConnected")
		witness.want(peerInfo("JustConnected", id))
		wal.leave(code)
		ext.want(peerInfo("Disconnected", id))
		witness.want(peerInfo("Disconnected", id))
		request := p.requestID()
		ext.text(message(request, "offer", id, "e"))
		ext.want(missing(request))
	}
}

// flaps joins and leaves without a pause, as extensions, which are not waited for. A visit that was over before it was
// registered may go unheard.
func flaps(p *probe) {
	const visits = 40
	wal := p.plain(p.a, wallet).settled()
	for i := range visits {
		ext := p.plain([]string{p.a, p.b}[i%2], extension)
		switch i % 3 {
		case 0:
			ext.hangUp()
		case 1:
			ext.control(opClose, closeBody(1000, ""))
		default:
			ext.leave(1000)
		}
	}
	last := p.plain(p.b, extension)
	request := last.send("offer", last.peer("IsAlreadyConnected"))
	// Done when the last visitor, the one that stays, has been heard, and all others have been heard to leave.
	live, gone := map[string]bool{}, map[string]bool{}
	for lastID := ""; lastID == "" || len(live) > 1; {
		m := wal.next()
		switch id, info := announcement(m); {
		case info == "JustConnected" && !live[id] && !gone[id]:
			live[id] = true
		case info == "Disconnected" && live[id]:
			delete(live, id)
			gone[id] = true
		case info == "" && strings.HasSuffix(m, `"requestId":"`+request+`"}`):
			_, rest, _ := strings.Cut(m, `"remoteClientId":"`)
			if lastID, _, _ = strings.Cut(rest, `"`); !live[lastID] {
				p.fail("data of a peer that was not announced: %s", m)
			}
		default:
			p.fail("out of turn: %s", m)
		}
	}
}

func announcement(m string) (id, info string) {
	rest, ok := strings.CutPrefix(m, `{"info":"remoteClient`)
	info, id, found := strings.Cut(rest, `","remoteClientId":"`)
	if !ok || !found {
		return "", ""
	}
	return strings.TrimSuffix(id, `"}`), info
}

func mixedDialects(p *probe) {
	wal := p.plain(p.b, wallet).settled()
	ext, s := p.rejoin(p.a, extension)
	wal.want(peerInfo("JustConnected", s.ClientID))
	want(p, "peers in the session frame", len(s.Peers), 1)
	want(p, "state of the peer", s.Peers[0].State, "live")
	late := p.plain(p.a, wallet)
	late.want(peerInfo("IsAlreadyConnected", s.ClientID))
	lateID := ext.peer("JustConnected")
	ext.sends(s.Peers[0].ID, "offer")
	wal.data()
	ext.fence(s.ClientID, late)
	late.leave(1000)
	ext.want(peerInfo("Disconnected", lateID))
	ext.leave(1000)
	wal.want(peerInfo("Disconnected", s.ClientID))
}
