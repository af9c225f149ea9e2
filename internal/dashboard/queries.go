package dashboard

import (
	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
)

// signups holds the numbers of members created in three windows.
type signups struct{ month, week, today int64 }

// signupsIn counts the members created in the windows: by the rows of days and
// slots, by the members' ids for the rest of a slot, and by the deltas that are not
// rolled up yet. The window today starts with a day.
func signupsIn(month, week, today window) query.Query[signups] {
	return query.One(`
		select
			(select coalesce(cast(sum(n) as bigint), 0) from member_day_total where day >= $1)
			+ (select coalesce(cast(sum(n) as bigint), 0) from member_quarter where slot >= $2 and slot < $3)
			+ (select count(*) from users where id >= $4 and id < $5 and deleted_at is null)
			+ coalesce(cast(sum(d.n) filter (where d.slot >= $2) as bigint), 0),
			(select coalesce(cast(sum(n) as bigint), 0) from member_day_total where day >= $6)
			+ (select coalesce(cast(sum(n) as bigint), 0) from member_quarter where slot >= $7 and slot < $8)
			+ (select count(*) from users where id >= $9 and id < $10 and deleted_at is null)
			+ coalesce(cast(sum(d.n) filter (where d.slot >= $7) as bigint), 0),
			(select coalesce(cast(sum(n) as bigint), 0) from member_day_total where day >= $11)
			+ coalesce(cast(sum(d.n) filter (where d.slot >= $12) as bigint), 0)
		from member_delta d`,
		func(r query.Row) (s signups, err error) { return s, r.Scan(&s.month, &s.week, &s.today) },
		month.day, month.slot, month.end, ids.First[ids.Member](month.from), firstOf(month.slot),
		week.day, week.slot, week.end, ids.First[ids.Member](week.from), firstOf(week.slot),
		today.day, today.slot)
}

// firstOf is the least id of a member created in the slot or later.
func firstOf(slot int64) ids.Member { return ids.First[ids.Member](counters.SlotStart(slot)) }

// series are the sign-ups from day to day by day, gender and status.
func series(from, to counters.Day) query.Query[[]SignupCount] {
	return query.Many(`
		select day, gender, status, cast(sum(n) as bigint) from (
			select day, gender, status, n from member_day where day >= $1 and day <= $2
			union all select day, gender, status, n from member_delta where day >= $1 and day <= $2) c
		group by day, gender, status having sum(n) <> 0
		order by day, gender, status`, scanCount, from, to)
}

func scanCount(r query.Row) (c SignupCount, err error) {
	return c, r.Scan(&c.Day, (*string)(&c.Gender), (*string)(&c.Status), &c.Count)
}
