package signaling

// Peers lists the PeerJS ids that are connected.
func (h *Hub) Peers() []string { return nil }
