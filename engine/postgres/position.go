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

// timelineAndLSN are the columns of a node's place: what a primary has flushed to
// disk, which covers each commit with synchronous_commit, and what a replica has
// replayed, on the timeline that it receives. The control file knows a new timeline
// only after the next checkpoint, so it is asked last.
const timelineAndLSN = `
	case when pg_is_in_recovery() then coalesce(
			(select cast(received_tli as bigint) from pg_stat_wal_receiver), (select cast(timeline_id as bigint) from pg_control_checkpoint()))
		else cast(cast(cast('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) as bit(32)) as int) as bigint) end,
	cast(case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_flush_lsn() end as text)`

const selectPosition = "select " + timelineAndLSN

// encode returns the position for sessions, to which it is opaque.
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
		return 0, fmt.Errorf("the server returned %q as a position", s)
	}
	return h<<32 | l, nil
}

// history says which positions lie on the way to a timeline: a promotion forks
// off a new timeline, and what the old one held beyond the fork is lost.
type history struct {
	timeline int64
	forks    map[int64]uint64 // where each older timeline was left
}

// holds reports whether the position is of this history.
func (h history) holds(p position) bool {
	if p.timeline == h.timeline {
		return true
	}
	fork, known := h.forks[p.timeline]
	return known && p.lsn <= fork
}

// parseHistory reads a timeline history file: a line for each timeline that was
// left, with its number and the place.
func parseHistory(text string) map[int64]uint64 {
	forks := make(map[int64]uint64)
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		timeline, errT := strconv.ParseInt(fields[0], 10, 64)
		lsn, errL := parseLSN(fields[1])
		if errT == nil && errL == nil {
			forks[timeline] = lsn
		}
	}
	return forks
}
