package postgres

import (
	"slices"
	"time"
)

// marks are places in the log that a primary was seen at, the oldest first: what
// a replica must have replayed for what it shows to be so old at most.
type marks []mark

type mark struct {
	lsn uint64
	at  time.Time
}

// add notes where the primary is.
func (m *marks) add(lsn uint64, now time.Time) {
	if n := len(*m); n > 0 && ((*m)[n-1].lsn == lsn || now.Sub((*m)[n-1].at) < markEvery) {
		return // nothing was written since then, or it is told soon
	}
	if len(*m) == maxMarks {
		*m = slices.Delete(*m, 0, maxMarks/2)
	}
	*m = append(*m, mark{lsn, now})
}

// Half of the marks are kept, which is more than a minute.
const (
	markEvery = 100 * time.Millisecond
	maxMarks  = 1500
)

// before is the last place that was seen at the time or earlier; 0 if none was.
func (m marks) before(t time.Time) uint64 {
	for _, one := range slices.Backward(m) {
		if !one.at.After(t) {
			return one.lsn
		}
	}
	return 0
}
