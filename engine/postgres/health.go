package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster/session"
)

// How often a node is probed. A node that does not answer in time is down.
const (
	probeInterval = 200 * time.Millisecond
	hasteInterval = 2 * time.Millisecond // while a session waits for a node
	probeTimeout  = 500 * time.Millisecond

	// maxGap is the longest time between two probes of a process that runs. One
	// that has seen nothing for longer was stopped or cut off.
	maxGap = 2 * (probeInterval + probeTimeout)
)

// health is the result of a probe. It does not change.
type health struct {
	healthy     bool
	started     time.Time // the probe: the result is of this time or later
	err         error
	system      string // identifies the cluster
	recovering  bool   // a replica, and not the primary
	asyncCommit bool   // a confirmed commit may be lost
	at          position
	lag         time.Duration // since the newest transaction that it has replayed
	history     history

	// Of this probe and those before it.
	newest  int64           // timeline on which any probe has found the node
	minimum position        // that a replica must have replayed, when the node last was the primary
	up      context.Context //nolint:containedctx // ends when a probe finds the node down
}

// role returns the role of a node in [session.Node].
func (h *health) role() string {
	switch {
	case !h.healthy:
		return session.RoleUnknown
	case h.recovering:
		return session.RoleReplica
	default:
		return session.RolePrimary
	}
}

// has reports whether the node shows what was committed at the position. A
// primary whose history holds the position does: it was committed there.
func (h *health) has(p position) bool {
	return h.healthy && h.history.holds(p) && (!h.recovering || h.at.lsn >= p.lsn)
}

// check refuses a position that the history of a primary does not hold: a
// failover has lost it, or it was never of this cluster. Nil is no position.
func (h *health) check(after *position) error {
	if after != nil && !h.history.holds(*after) {
		return fmt.Errorf("%w: a failover has lost it", session.ErrPosition)
	}
	return nil
}

// marks are places in the log at which probes found a primary, the oldest first. A
// replica that has replayed a mark shows nothing older. After a gap in the probes
// the list starts anew, because nobody knows what was written when.
type marks struct {
	list []mark
	last time.Time // the newest probe of the primary
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
		m.list[n-1].lsn = lsn // which requires a little more of a replica, never less
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

// before returns the last place noted at the time or earlier; without one the first,
// because nobody knows an older one; or 0 if nothing was noted.
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
