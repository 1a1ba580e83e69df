package client

import "time"

// doubt is how far back confirmations are doubtful when Redis is replaced. Replicas rarely lag by more.
const doubt = 10 * time.Second

// recent is a ring of the last confirmed messages. Guarded by Client.mu.
type recent struct {
	ring [64]struct {
		id string
		at time.Time
	}
	next int
}

func (r *recent) add(id string) {
	e := &r.ring[r.next%len(r.ring)]
	e.id, e.at = id, time.Now()
	r.next++
}

// since lists the messages confirmed since then, oldest first.
func (r *recent) since(t time.Time) (ids []string) {
	for i := range r.ring {
		if e := r.ring[(r.next+i)%len(r.ring)]; e.id != "" && e.at.After(t) {
			ids = append(ids, e.id)
		}
	}
	return ids
}
