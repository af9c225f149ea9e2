package postgres

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/musterhq/muster/session"
)

// position is a place in the history of a cluster: a log sequence number of a
// timeline.
type position struct {
	timeline int64
	lsn      uint64
}

// selectWritten reads, after a commit, what is on the disk: with
// synchronous_commit that covers the commit. selectReplayed reads what a node
// shows: a replica what it has replayed, the primary everything.
const (
	selectWritten = `select cast(timeline_id as bigint), cast(pg_current_wal_flush_lsn() as text) from pg_control_checkpoint()`

	selectReplayed = `select cast(timeline_id as bigint), cast(case when pg_is_in_recovery()
		then pg_last_wal_replay_lsn() else pg_current_wal_flush_lsn() end as text) from pg_control_checkpoint()`
)

// encode gives the position to sessions, to whom it is opaque.
func (p position) encode() session.Position {
	return session.Position(fmt.Sprintf("%d/%x", p.timeline, p.lsn))
}

func decodePosition(p session.Position) (position, error) {
	timeline, lsn, found := strings.Cut(string(p), "/")
	t, errT := strconv.ParseInt(timeline, 10, 64)
	l, errL := strconv.ParseUint(lsn, 16, 64)
	if !found || errT != nil || errL != nil {
		return position{}, fmt.Errorf("%w: it is not of this database", session.ErrPosition)
	}
	return position{timeline: t, lsn: l}, nil
}

// parseLSN reads PostgreSQL's form: two hexadecimal numbers of 32 bits.
func parseLSN(s string) (uint64, error) {
	high, low, _ := strings.Cut(s, "/")
	h, errH := strconv.ParseUint(high, 16, 32)
	l, errL := strconv.ParseUint(low, 16, 32)
	if errH != nil || errL != nil {
		return 0, fmt.Errorf("the server gave %q as a position", s)
	}
	return h<<32 | l, nil
}
