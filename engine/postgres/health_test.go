package postgres

import (
	"testing"
	"time"
)

func TestMarks(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	var m marks
	at := func(d time.Duration) uint64 { return m.before(start.Add(d)) }
	if at(time.Hour) != 0 {
		t.Error("before the first mark, a place was found")
	}
	for i := range 4000 { // 400 s, each at the next place
		m.add(uint64(i+1), start.Add(time.Duration(i)*markEvery))
		m.add(uint64(i+1), start.Add(time.Duration(i)*markEvery+time.Millisecond))
	}
	last := 3999 * markEvery
	for _, c := range []struct {
		at   time.Duration
		want uint64
	}{{last + time.Hour, 4000}, {last, 4000}, {last - time.Nanosecond, 3999}, {last - time.Minute, 4000 - 600}, {0, 3001}} {
		if got := at(c.at); got != c.want {
			t.Errorf("at %v: got %d, want %d", c.at, got, c.want)
		}
	}
	if len(m.list) > maxMarks {
		t.Errorf("%d marks are kept", len(m.list))
	}
	m.add(4001, start.Add(last+markEvery/2))
	if got := at(last); got != 4001 {
		t.Errorf("what was written soon after a mark counts from %d on: it may count as older than it is, never as newer", got)
	}
	again := last + maxGap + markEvery
	m.add(5000, start.Add(again))
	for _, c := range []time.Duration{again, last, 0} {
		if got := at(c); got != 5000 {
			t.Errorf("after a gap, at %v: got %d, want 5000", c, got)
		}
	}
}
