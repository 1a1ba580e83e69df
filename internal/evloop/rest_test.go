//go:build linux && !portable

package evloop

import (
	"testing"
	"time"
)

// rested feeds a loop n messages each time it looks, once in every interval, and returns how long it rests at the end.
func rested(m *moderation, looks, messages int, interval time.Duration) time.Duration {
	for range looks {
		m.saw(messages, m.looked.Add(interval))
	}
	return m.rest(m.looked)
}

func TestALoopWithLittleToDoDoesNotRest(t *testing.T) {
	m := newModeration()
	if d := rested(&m, 1000, 1, 10*time.Millisecond); d > 0 {
		t.Errorf("rests %v at 100 messages a second", d)
	}
	if d := rested(&m, 10000, 0, 20*time.Microsecond); d > 0 {
		t.Errorf("rests %v when 50,000 bytes a second trickle in", d)
	}
	if d := rested(&m, 40, 1, 20*time.Microsecond); d > 0 {
		t.Errorf("rests %v in one burst of 40", d)
	}
}

func TestABusyLoopRestsUntilItIsNotBusy(t *testing.T) {
	m := newModeration()
	if d := rested(&m, 1000, 1, time.Millisecond); d != longestRest {
		t.Errorf("rests %v at 1,000 messages a second, want %v", d, longestRest)
	}
	if d := rested(&m, 1000, 8, time.Millisecond); d < 900*time.Microsecond || d > 1100*time.Microsecond {
		t.Errorf("rests %v at 8,000 messages a second, want the 1 ms in which 8 come", d)
	}
	if d := m.rest(m.looked.Add(2 * time.Millisecond)); d > 0 {
		t.Errorf("rests %v when it has been away for longer than that", d)
	}
	if d := rested(&m, 2, 1, time.Second); d > 0 {
		t.Errorf("rests %v after two quiet seconds", d)
	}
}
