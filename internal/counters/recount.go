package counters

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// settingZone is the key of the zone in which the store counts days.
const settingZone = "time_zone"

// StoredZone returns the name of the zone in which the store counts days, or nil
// for a new store.
func StoredZone() query.Query[*string] {
	return query.Maybe("select value from setting where key = $1",
		func(r query.Row) (s string, err error) { return s, r.Scan(&s) }, settingZone)
}

// UseZone sets the zone in which the store counts days. Nil is UTC. If the zone
// changes, UseZone rebuilds the counters in one write session that reads all
// members: a few seconds for a million, which the engine's limit of a write
// session must allow. The kinds of later changes must have the same zone.
func UseZone(ctx context.Context, db *session.DB, zone *time.Location) error {
	name := orUTC(zone).String()
	if name == "Local" {
		return errors.New("the time zone of the store must have a name")
	}
	err := db.Write(ctx, func(w *session.Write) error {
		stored, err := session.Run(ctx, w, StoredZone())
		if err != nil || stored != nil && *stored == name {
			return err
		}
		w.Add(query.Exec("insert into setting (key, value) values ($1, $2) on conflict (key) do update set value = excluded.value", settingZone, name))
		t, err := recount(ctx, w, zone)
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

// recount counts the members that are not deleted, by a scan.
func recount(ctx context.Context, s session.Reader, zone *time.Location) (Tally, error) {
	type row struct {
		id             ids.Member
		gender, status string
	}
	t := make(Tally)
	days := make(map[int64]Day) // by slot: to format a day costs more than to look it up
	each := query.Each("select id, gender, status from users where deleted_at is null",
		func(r query.Row) (u row, err error) { return u, r.Scan(&u.id, &u.gender, &u.status) },
		func(u row) error {
			created := u.id.Time()
			slot := SlotOf(created)
			day, known := days[slot]
			if !known {
				day = DayOf(created, zone)
				days[slot] = day
			}
			t[Kind{day, slot, u.gender, u.status}]++
			return nil
		})
	_, err := session.Run(ctx, s, each)
	return t, err
}

// Recount returns the numbers in the counters, and the same numbers from a scan of
// the members, both in the session's snapshot, by name: "total male pending",
// "day 2026-01-31", "day 2026-01-31 male pending", "quarter 2026-01-31T09:15:00Z".
func Recount(ctx context.Context, r *session.Read) (counted, recounted map[string]int64, err error) {
	stored, err := session.Run(ctx, r, StoredZone())
	if err != nil {
		return nil, nil, err
	}
	var zone *time.Location
	if stored != nil {
		if zone, err = time.LoadLocation(*stored); err != nil {
			return nil, nil, fmt.Errorf("the store's time zone: %w", err)
		}
	}
	t, err := recount(ctx, r, zone)
	if err != nil {
		return nil, nil, err
	}
	recounted = make(map[string]int64)
	for k, n := range t {
		recounted[fmt.Sprintf("total %s %s", k.Gender, k.Status)] += n
		recounted["day "+k.Day] += n
		recounted[fmt.Sprintf("day %s %s %s", k.Day, k.Gender, k.Status)] += n
		recounted["quarter "+SlotStart(k.Slot).Format(time.RFC3339)] += n
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
			_ = note(fmt.Sprintf("total %s %s", d.Gender, d.Status), d.n)
			_ = note("day "+d.Day, d.n)
			_ = note(fmt.Sprintf("day %s %s %s", d.Day, d.Gender, d.Status), d.n)
			return note("quarter "+SlotStart(d.Slot).Format(time.RFC3339), d.n)
		})))
	return counted, recounted, err
}

type slotCount struct{ slot, n int64 }

func scanSlot(r query.Row) (s slotCount, err error) { return s, r.Scan(&s.slot, &s.n) }

type nameCount struct {
	name string
	n    int64
}

func eachCount(sql string, note func(string, int64) error) query.Query[int] {
	return query.Each(sql,
		func(r query.Row) (c nameCount, err error) { return c, r.Scan(&c.name, &c.n) },
		func(c nameCount) error { return note(c.name, c.n) })
}
