package history

import "time"

// Service returns how long after since every member had received, on its room's business as usual, a message that was sent
// and confirmed after since; ok is false while one still waits.
func Service(members []Member, events []Event, since time.Duration) (took time.Duration, ok bool) {
	fresh := map[string]bool{} // sent after since
	confirmed := map[string]bool{}
	arrived := map[string]Event{} // by member and message, until it is confirmed
	served := map[string]time.Duration{}
	note := func(member, message string, at time.Duration) {
		if _, done := served[member]; !done && fresh[message] {
			served[member] = at
		}
	}
	for _, e := range events {
		if e.At < since {
			continue
		}
		switch e.Kind {
		case Sent:
			fresh[e.Message] = true
		case Confirmed:
			confirmed[e.Message] = true
			if d, here := arrived[e.Message]; here {
				note(d.Member, e.Message, e.At)
			}
		case Delivered:
			arrived[e.Message] = e
			if confirmed[e.Message] {
				note(e.Member, e.Message, e.At)
			}
		default:
		}
	}
	for _, m := range members {
		at, done := served[m.Name]
		if !done {
			return 0, false
		}
		took = max(took, at-since)
	}
	return took, true
}
