package counters

import (
	"strconv"

	"github.com/musterhq/muster/query"
)

// Totals are the numbers of members that are not deleted.
type Totals struct{ All, Male, Female, Pending int64 }

// counted has the rows that add up to the number of members of each kind.
const counted = `(
	select gender, status, n from member_total
	union all select gender, status, n from member_delta) c`

// Count returns the totals, exact at the moment of the session.
func Count() query.Query[Totals] {
	return query.One(`
		select coalesce(cast(sum(n) as bigint), 0),
			coalesce(cast(sum(n) filter (where gender = 'male') as bigint), 0),
			coalesce(cast(sum(n) filter (where gender = 'female') as bigint), 0),
			coalesce(cast(sum(n) filter (where status = 'pending') as bigint), 0)
		from `+counted,
		func(r query.Row) (t Totals, err error) { return t, r.Scan(&t.All, &t.Male, &t.Female, &t.Pending) })
}

// CountOf returns the number of members with one of the statuses and one of the
// genders, exact at the moment of the session. An empty list stands for all.
func CountOf(statuses, genders []string) query.Query[int64] {
	sql, args := "select coalesce(cast(sum(n) as bigint), 0) from "+counted+" where 1 = 1", []any(nil)
	only := func(column string, values []string) {
		if len(values) > 0 {
			args = append(args, values)
			sql += " and " + column + " {in $" + strconv.Itoa(len(args)) + "}"
		}
	}
	only("status", statuses)
	only("gender", genders)
	return query.Scalar[int64](sql, args...)
}
