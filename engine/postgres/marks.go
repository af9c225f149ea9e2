package postgres

import (
	"slices"
	"time"
)

// marks are places in the log that a primary was seen at, the oldest first: what
// a replica must have replayed for what it shows to be so old at most. They have
// no gap: after one they begin anew, as nobody knows what was written when.
type marks struct {
	list []mark
	last time.Time // when the primary was seen last
}

type mark struct {
	lsn uint64
	at  time.Time
}

// add notes where the primary was at a time or later.
func (m *marks) add(lsn uint64, at time.Time) {
	if at.Sub(m.last) > maxGap {
		m.list = nil
	}
	m.last = at
	switch n := len(m.list); {
	case n > 0 && m.list[n-1].lsn == lsn:
		return // nothing was written since then
	case n > 0 && at.Sub(m.list[n-1].at) < markEvery:
		m.list[n-1].lsn = lsn // which asks a little more of a replica, never less
		return
	case n == maxMarks:
		m.list = slices.Delete(m.list, 0, maxMarks/2)
	}
	m.list = append(m.list, mark{lsn, at})
}

// Half of the marks are kept, which is more than a minute.
const (
	markEvery = 100 * time.Millisecond
	maxMarks  = 1500
)

// before is the last place that was seen at the time or earlier. If none was, it
// is the first: it may be newer, but nobody knows an older one. It is 0 if the
// primary was never seen.
func (m *marks) before(t time.Time) uint64 {
	for _, one := range slices.Backward(m.list) {
		if !one.at.After(t) {
			return one.lsn
		}
	}
	if len(m.list) > 0 {
		return m.list[0].lsn
	}
	return 0
}
