package dashboard

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Stats returns the summary in one round trip, at a cost that does not depend on
// the number of members. The session may be opened with [session.Once].
func Stats(ctx context.Context, r *session.Read, rules member.Rules, now time.Time) (Summary, error) {
	now = now.UTC().Truncate(time.Microsecond)
	var (
		totals counters.Totals
		since  signups
		today  = windowFrom(midnight(now, rules), rules)
	)
	err := r.Gather(ctx,
		query.Into(&totals, counters.Count()),
		query.Into(&since, signupsIn(windowFrom(now.Add(-month), rules), windowFrom(now.Add(-week), rules), today)))
	if err != nil {
		return Summary{}, fmt.Errorf("loading the dashboard: %w", err)
	}
	return Summary{
		TotalMembers: totals.All, MaleCount: totals.Male, FemaleCount: totals.Female, PendingReviews: totals.Pending,
		MonthlySignups: since.month, WeeklySignups: since.week, TodaySignups: since.today, AsOf: now,
	}, nil
}

// MaxDays is the length of the longest series.
const MaxDays = 3660

// Signups returns the sign-ups from one day to another, both inclusive and in the
// form 2026-01-31, ordered by day, in one round trip. Days without sign-ups have no
// rows. Faults: invalid, fields from and to.
func Signups(ctx context.Context, r *session.Read, from, to string) ([]SignupCount, error) {
	var f fault.Fields
	first, err1 := time.Parse(time.DateOnly, from)
	last, err2 := time.Parse(time.DateOnly, to)
	if err1 != nil {
		f.Add("from", "wrong_type", "Must be a day, such as 2026-01-31.")
	}
	if err2 != nil {
		f.Add("to", "wrong_type", "Must be a day, such as 2026-01-31.")
	}
	switch days := last.Sub(first).Hours() / 24; {
	case err1 != nil || err2 != nil:
	case days < 0:
		f.Add("to", "range_inverted", "Must not come before from.")
	case days >= MaxDays:
		f.Add("from", "out_of_range", "Must be at most %d days before to.", MaxDays-1)
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	list, err := session.Run(ctx, r, series(from, to))
	if err != nil {
		return nil, fmt.Errorf("loading the sign-ups: %w", err)
	}
	return list, nil
}

// Check recounts every member in one snapshot, and returns where the counters
// differ.
func Check(ctx context.Context, r *session.Read) ([]Difference, error) {
	counted, recounted, err := counters.Recount(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("recounting members: %w", err)
	}
	names := maps.Clone(counted)
	maps.Copy(names, recounted)
	list := []Difference{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if counted[name] != recounted[name] {
			list = append(list, Difference{name, counted[name], recounted[name]})
		}
	}
	return list, nil
}
