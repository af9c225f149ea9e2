package dashboard

import (
	"time"

	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/query"
)

// numbers are what the summary is made of.
type numbers struct {
	totals counters.Totals
	since  signups
}

// Stats returns the summary, at a cost that does not depend on the number of
// members.
func Stats(rules member.Rules, now time.Time) query.Query[Summary] {
	now = now.UTC().Truncate(time.Microsecond)
	since := signupsIn(windowFrom(now.Add(-month), rules), windowFrom(now.Add(-week), rules), windowFrom(midnight(now, rules), rules))
	both := query.Together(func(n *numbers) []query.Part {
		return []query.Part{query.Into(&n.totals, counters.Count()), query.Into(&n.since, since)}
	})
	return query.Map(both, func(n numbers) (Summary, error) {
		return Summary{
			TotalMembers: n.totals.All, MaleCount: n.totals.Male, FemaleCount: n.totals.Female, PendingReviews: n.totals.Pending,
			MonthlySignups: n.since.month, WeeklySignups: n.since.week, TodaySignups: n.since.today, AsOf: now,
		}, nil
	})
}

// MaxDays is the length of the longest series.
const MaxDays = 3660

// Signups returns the series from day to day, both inclusive and written as
// 2026-01-31, ordered by day. Days without sign-ups have no rows. Faults: invalid,
// fields from and to.
func Signups(from, to string) query.Query[[]SignupCount] {
	var f fault.Fields
	first, err1 := time.Parse(time.DateOnly, from)
	last, err2 := time.Parse(time.DateOnly, to)
	if err1 != nil {
		f.Add("from", field.CodeWrongType, "Must be a day, such as 2026-01-31.")
	}
	if err2 != nil {
		f.Add("to", field.CodeWrongType, "Must be a day, such as 2026-01-31.")
	}
	switch days := last.Sub(first).Hours() / 24; {
	case err1 != nil || err2 != nil:
	case days < 0:
		f.Add("to", field.CodeRangeInverted, "Must not come before from.")
	case days >= MaxDays:
		f.Add("from", field.CodeOutOfRange, "Must be at most %d days before to.", MaxDays-1)
	}
	if err := f.Err(); err != nil {
		return query.Fail[[]SignupCount](err)
	}
	return series(from, to)
}
