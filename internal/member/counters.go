package member

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Day is a day in the store's zone, written as 2026-01-31, so that the order of
// the text is that of time.
type Day = string

const dayLayout = time.DateOnly

// DayOf is the day of a moment in the zone of the rules.
func (r Rules) DayOf(t time.Time) Day { return t.In(r.zone()).Format(dayLayout) }

func (r Rules) zone() *time.Location {
	if r.Zone == nil {
		return time.UTC
	}
	return r.Zone
}

// slotLength is how long a slot is. Every zone's midnight is the beginning of
// one.
const slotLength = 15 * time.Minute

// SlotOf is the number of the slot of a moment, which is its quarter of an hour
// since 1970.
func SlotOf(t time.Time) int64 { return t.Unix() / int64(slotLength/time.Second) }

// SlotStart is the moment at which a slot begins.
func SlotStart(slot int64) time.Time {
	return time.Unix(slot*int64(slotLength/time.Second), 0).UTC()
}

// kind is what members are counted by.
type kind struct {
	day    Day
	slot   int64
	gender Gender
	status Status
}

func (r Rules) kindOf(u *User) kind {
	created := u.ID.Time()
	return kind{r.DayOf(created), SlotOf(created), u.Gender, u.Status}
}

// count appends that there are n more of a kind. Nothing is read and no row is
// shared, so that it conflicts with nothing.
func (k kind) count(n int64, at time.Time) query.Change {
	return query.Exec("insert into member_delta (id, day, slot, gender, status, n) values ($1, $2, $3, $4, $5, $6)",
		ids.New[ids.Row](at), k.day, k.slot, string(k.gender), string(k.status), n)
}

// recount are the changes for a member that was old and is u, either of which
// may be nil for one that is not counted.
func (r Rules) recount(old, u *User, at time.Time) (list []query.Change) {
	if old != nil && u != nil && r.kindOf(old) == r.kindOf(u) {
		return nil
	}
	if old != nil {
		list = append(list, r.kindOf(old).count(-1, at))
	}
	if u != nil {
		list = append(list, r.kindOf(u).count(1, at))
	}
	return list
}

// foldStep is how many deltas one write session folds.
const foldStep = 2000

// Fold moves deltas into the counters, and names into the search index, in
// bounded write sessions, until few are left; it gives the number moved. It may
// run at any time, beside all else: what readers see does not change.
func Fold(ctx context.Context, db *session.DB) (total int, err error) {
	for _, fold := range []struct {
		step func(context.Context, *session.Write) (int, error)
		size int
	}{{foldDeltas, foldStep}, {foldNames, indexStep}} {
		for moved := fold.size; moved == fold.size; total += moved {
			err := db.Write(ctx, func(w *session.Write) (err error) {
				moved, err = fold.step(ctx, w)
				return err
			})
			if err != nil {
				return total, fmt.Errorf("folding: %w", err)
			}
		}
	}
	return total, nil
}

// delta is a row of member_delta.
type delta struct {
	id ids.Row
	kind
	n int64
}

func foldDeltas(ctx context.Context, w *session.Write) (int, error) {
	list, err := session.Run(ctx, w, query.Many(
		"select id, day, slot, gender, status, n from member_delta order by id limit $1",
		scanDelta, foldStep))
	if err != nil || len(list) == 0 {
		return 0, err
	}
	t := make(tally)
	for _, d := range list {
		t[d.kind] += d.n
	}
	w.Add(t.changes()...)
	w.Add(query.Exec("delete from member_delta where id <= $1", list[len(list)-1].id))
	return len(list), nil
}

// tally is how many there are of each kind.
type tally map[kind]int64

// changes add the tally to the counters, in an order that is always the same,
// so that two that run at once wait for each other and not in a circle.
func (t tally) changes() (list []query.Change) {
	type ofTotal struct{ gender, status string }
	type ofDay struct{ day, gender, status string }
	totals, days, dayTotals, slots := map[ofTotal]int64{}, map[ofDay]int64{}, map[Day]int64{}, map[int64]int64{}
	for k, n := range t {
		totals[ofTotal{string(k.gender), string(k.status)}] += n
		days[ofDay{k.day, string(k.gender), string(k.status)}] += n
		dayTotals[k.day] += n
		slots[k.slot] += n
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

// Totals are numbers of members that are not deleted.
type Totals struct{ All, Male, Female, Pending int64 }

// counted are the rows that add up to the number of members of every kind.
const counted = `(
	select gender, status, n from member_total
	union all select gender, status, n from member_delta) c`

// Count gives the totals, exact at the moment of the session.
func Count() query.Query[Totals] {
	return query.One(`
		select coalesce(cast(sum(n) as bigint), 0),
			coalesce(cast(sum(n) filter (where gender = 'male') as bigint), 0),
			coalesce(cast(sum(n) filter (where gender = 'female') as bigint), 0),
			coalesce(cast(sum(n) filter (where status = 'pending') as bigint), 0)
		from `+counted,
		func(r query.Row) (t Totals, err error) { return t, r.Scan(&t.All, &t.Male, &t.Female, &t.Pending) })
}

// settingZone is the key of the zone in which the store counts days.
const settingZone = "time_zone"

// StoredZone is the name of the zone in which the store counts days, or nil for
// a new store.
func StoredZone() query.Query[*string] {
	return query.Maybe("select value from setting where key = $1", scanText, settingZone)
}

// UseZone makes zone the one in which the store counts days; nil is UTC. If it
// was another, the counters are rebuilt from the members, in one write session
// that reads them all: a few seconds for a million, for which the engine's bound
// of a write session is set. The rules that operations are given have the same
// zone: days are counted in what they say.
func UseZone(ctx context.Context, db *session.DB, zone *time.Location) error {
	rules := Rules{Zone: zone}
	name := rules.zone().String()
	if name == "Local" {
		return errors.New("the time zone of the store needs a name")
	}
	err := db.Write(ctx, func(w *session.Write) error {
		stored, err := session.Run(ctx, w, StoredZone())
		if err != nil || stored != nil && *stored == name {
			return err
		}
		w.Add(query.Exec("insert into setting (key, value) values ($1, $2) on conflict (key) do update set value = excluded.value", settingZone, name))
		t, err := rules.recountAll(ctx, w)
		if err != nil {
			return err
		}
		for _, table := range []string{"member_delta", "member_total", "member_day", "member_day_total", "member_quarter"} {
			w.Add(query.Exec("delete from " + table))
		}
		w.Add(t.changes()...)
		return nil
	})
	if err != nil {
		return fmt.Errorf("counting days in %s: %w", name, err)
	}
	return nil
}

// recountAll counts every member that is not deleted, by a scan.
func (r Rules) recountAll(ctx context.Context, s session.Reader) (tally, error) {
	t := make(tally)
	days := make(map[int64]Day) // by slot: writing a day costs more than looking it up
	each := query.Each("select id, gender, status from users where deleted_at is null",
		func(row query.Row) (u User, err error) {
			return u, row.Scan(&u.ID, (*string)(&u.Gender), (*string)(&u.Status))
		},
		func(u User) error {
			created := u.ID.Time()
			slot := SlotOf(created)
			day, known := days[slot]
			if !known {
				day = r.DayOf(created)
				days[slot] = day
			}
			t[kind{day, slot, u.Gender, u.Status}]++
			return nil
		})
	_, err := session.Run(ctx, s, each)
	return t, err
}

// Recount gives every number that the counters hold, and the same by a scan of
// the members, each under its name: "total male pending", "day 2026-01-31",
// "day 2026-01-31 male pending", "quarter 2026-01-31T09:15:00Z". All are of the session's
// moment.
func Recount(ctx context.Context, r *session.Read) (counted, recounted map[string]int64, err error) {
	stored, err := session.Run(ctx, r, StoredZone())
	if err != nil {
		return nil, nil, err
	}
	var rules Rules
	if stored != nil {
		if rules.Zone, err = time.LoadLocation(*stored); err != nil {
			return nil, nil, fmt.Errorf("the store's time zone: %w", err)
		}
	}
	t, err := rules.recountAll(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	recounted = make(map[string]int64)
	for k, n := range t {
		recounted[fmt.Sprintf("total %s %s", k.gender, k.status)] += n
		recounted["day "+k.day] += n
		recounted[fmt.Sprintf("day %s %s %s", k.day, k.gender, k.status)] += n
		recounted["quarter "+SlotStart(k.slot).Format(time.RFC3339)] += n
	}
	counted = make(map[string]int64)
	note := func(name string, n int64) error {
		counted[name] += n
		return nil
	}
	var rows [5]int
	err = r.Gather(ctx,
		query.Into(&rows[0], eachCount("select 'total ' || gender || ' ' || status, n from member_total", note)),
		query.Into(&rows[1], eachCount("select 'day ' || day || ' ' || gender || ' ' || status, n from member_day", note)),
		query.Into(&rows[2], eachCount("select 'day ' || day, n from member_day_total", note)),
		query.Into(&rows[3], query.Each("select slot, n from member_quarter", scanSlot, func(s slotCount) error {
			return note("quarter "+SlotStart(s.slot).Format(time.RFC3339), s.n)
		})),
		query.Into(&rows[4], query.Each("select id, day, slot, gender, status, n from member_delta", scanDelta, func(d delta) error {
			_ = note(fmt.Sprintf("total %s %s", d.gender, d.status), d.n)
			_ = note("day "+d.day, d.n)
			_ = note(fmt.Sprintf("day %s %s %s", d.day, d.gender, d.status), d.n)
			return note("quarter "+SlotStart(d.slot).Format(time.RFC3339), d.n)
		})))
	return counted, recounted, err
}

type slotCount struct{ slot, n int64 }

func scanSlot(r query.Row) (s slotCount, err error) { return s, r.Scan(&s.slot, &s.n) }

func scanDelta(r query.Row) (d delta, err error) {
	return d, r.Scan(&d.id, &d.day, &d.slot, (*string)(&d.gender), (*string)(&d.status), &d.n)
}

type nameCount struct {
	name string
	n    int64
}

func eachCount(sql string, note func(string, int64) error) query.Query[int] {
	return query.Each(sql,
		func(r query.Row) (c nameCount, err error) { return c, r.Scan(&c.name, &c.n) },
		func(c nameCount) error { return note(c.name, c.n) })
}
