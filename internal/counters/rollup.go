package counters

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// rollupStep is how many deltas one write session rolls up.
const rollupStep = 2000

// Rollup moves deltas into the counters in bounded write sessions, until few
// are left, and returns the number moved. It may run at any time, beside all
// else: what readers see does not change.
//
// Without deltas it costs one read and writes nothing.
func Rollup(ctx context.Context, db *session.DB) (total int, err error) {
	if some, err := pending(ctx, db); err != nil || !some {
		return 0, err
	}
	for moved := rollupStep; moved == rollupStep; total += moved {
		err := db.Write(ctx, func(w *session.Write) (err error) {
			moved, err = rollup(ctx, w)
			return err
		})
		if err != nil {
			return total, fmt.Errorf("rolling up the counters: %w", err)
		}
	}
	return total, nil
}

// pending reports whether there are deltas.
func pending(ctx context.Context, db *session.DB) (some bool, err error) {
	err = db.Read(ctx, func(r *session.Read) (err error) {
		some, err = session.Run(ctx, r, query.Scalar[bool]("select exists (select 1 from member_delta)"))
		return err
	}, session.Once)
	if err != nil {
		return false, fmt.Errorf("looking for deltas: %w", err)
	}
	return some, nil
}

func rollup(ctx context.Context, w *session.Write) (int, error) {
	list, err := session.Run(ctx, w, query.Many(
		"select id, day, slot, gender, status, n from member_delta order by id limit $1",
		scanDelta, rollupStep))
	if err != nil || len(list) == 0 {
		return 0, err
	}
	t := make(Tally)
	for _, d := range list {
		t[d.Kind] += d.n
	}
	w.Add(t.changes()...)
	w.Add(query.Exec("delete from member_delta where id <= $1", list[len(list)-1].id))
	return len(list), nil
}

// changes returns the changes that add the tally to the counters, always in the
// same order: two that run at once cannot deadlock.
func (t Tally) changes() (list []query.Change) {
	type ofTotal struct{ gender, status string }
	type ofDay struct{ day, gender, status string }
	totals, days, dayTotals, slots := map[ofTotal]int64{}, map[ofDay]int64{}, map[Day]int64{}, map[int64]int64{}
	for k, n := range t {
		totals[ofTotal{k.Gender, k.Status}] += n
		days[ofDay{k.Day, k.Gender, k.Status}] += n
		dayTotals[k.Day] += n
		slots[k.Slot] += n
	}
	add := func(sql string, n int64, key ...any) {
		if n != 0 {
			list = append(list, query.Exec(sql, append(key, n)...))
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(totals), func(a, b ofTotal) int { return cmp.Compare(a.gender+a.status, b.gender+b.status) }) {
		add(`insert into member_total (gender, status, n) values ($1, $2, $3)
			on conflict (gender, status) do update set n = member_total.n + excluded.n`, totals[k], k.gender, k.status)
	}
	for _, k := range slices.SortedFunc(maps.Keys(days), func(a, b ofDay) int {
		return cmp.Compare(a.day+a.gender+a.status, b.day+b.gender+b.status)
	}) {
		add(`insert into member_day (day, gender, status, n) values ($1, $2, $3, $4)
			on conflict (day, gender, status) do update set n = member_day.n + excluded.n`, days[k], k.day, k.gender, k.status)
	}
	for _, day := range slices.Sorted(maps.Keys(dayTotals)) {
		add(`insert into member_day_total (day, n) values ($1, $2)
			on conflict (day) do update set n = member_day_total.n + excluded.n`, dayTotals[day], day)
	}
	for _, slot := range slices.Sorted(maps.Keys(slots)) {
		add(`insert into member_quarter (slot, n) values ($1, $2)
			on conflict (slot) do update set n = member_quarter.n + excluded.n`, slots[slot], slot)
	}
	return list
}
