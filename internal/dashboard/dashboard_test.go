package dashboard_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/dashboard"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// zones have whole hours, half and quarter hours, and nights whose clocks are
// changed at midnight.
var zones = []string{"UTC", "Asia/Seoul", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana", "America/Sao_Paulo", "Africa/Cairo", "Pacific/Chatham"}

func rulesOf(t fatal, name string) member.Rules {
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatalf("zone %s: %v", name, err)
	}
	return member.Rules{Zone: zone, Imported: true}
}

type fatal interface{ Fatalf(string, ...any) }

func create(t fatal, db *session.DB, rules member.Rules, at time.Time, g member.Gender, s member.Status) (id ids.Member) {
	err := db.Write(context.Background(), func(w *session.Write) error {
		id = member.Create(w, testkit.Recorder(), rules, member.Detail{User: member.User{Name: "Someone", Gender: g, Status: s, CreatedAt: at}}, at).ID
		return nil
	})
	if err != nil {
		t.Fatalf("creating: %v", err)
	}
	return id
}

// TestStatsProperty compares the summary with a count in Go, in every zone, at
// moments around the edges of days and slots.
func TestStatsProperty(t *testing.T) {
	t.Parallel()
	for _, name := range zones {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.Open(t)
			rules := rulesOf(t, name)
			if err := counters.UseZone(t.Context(), db, rules.Zone); err != nil {
				t.Fatal(err)
			}
			base := time.Date(2018, 11, 4, 3, 0, 0, 0, time.UTC) // Brazil's clocks skip its midnight
			r := rand.New(rand.NewPCG(1, 2))
			type one struct {
				at time.Time
				g  member.Gender
				s  member.Status
			}
			var all []one
			for half := range 2 {
				err := db.Write(t.Context(), func(w *session.Write) error {
					for i := range 150 {
						at := base.Add(time.Duration(r.Int64N(int64(40 * 24 * time.Hour)))).Truncate(time.Microsecond)
						if i%2 == 0 {
							at = at.Truncate(15 * time.Minute)
						}
						o := one{at, member.Genders()[r.IntN(3)], member.Statuses()[r.IntN(5)]}
						d := member.Create(w, testkit.Recorder(), rules, member.Detail{User: member.User{Name: "Someone", Gender: o.g, Status: o.s, CreatedAt: o.at}}, at)
						if i%5 != 0 {
							all = append(all, o)
						} else if _, err := member.Delete(t.Context(), w, testkit.Recorder(), rules, d.ID, nil, base); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if half == 0 { // the numbers of the other are in deltas
					if _, err := counters.Rollup(t.Context(), db); err != nil {
						t.Fatal(err)
					}
				}
			}
			rapid.Check(t, func(rt *rapid.T) {
				now := base.Add(time.Duration(rapid.Int64Range(0, int64(75*24*time.Hour)).Draw(rt, "now"))).Truncate(time.Microsecond)
				switch rapid.IntRange(0, 3).Draw(rt, "edge") {
				case 0:
					now = now.Truncate(15 * time.Minute)
				case 1:
					now = all[rapid.IntRange(0, len(all)-1).Draw(rt, "member")].at.Add(7 * 24 * time.Hour)
				case 2:
					now = all[rapid.IntRange(0, len(all)-1).Draw(rt, "member")].at.Add(30*24*time.Hour + 1000)
				}
				want := dashboard.Summary{AsOf: now}
				for _, o := range all {
					want.TotalMembers++
					want.MonthlySignups += number(!o.at.Before(now.Add(-30 * 24 * time.Hour)))
					want.WeeklySignups += number(!o.at.Before(now.Add(-7 * 24 * time.Hour)))
					want.TodaySignups += number(rules.DayOf(o.at) >= rules.DayOf(now))
					want.MaleCount += number(o.g == member.Male)
					want.FemaleCount += number(o.g == member.Female)
					want.PendingReviews += number(o.s == member.Pending)
				}
				var got dashboard.Summary
				ctx, cost := session.Track(context.Background(), "")
				err := db.Read(ctx, func(r *session.Read) (err error) {
					got, err = session.Run(ctx, r, dashboard.Stats(rules, now))
					return err
				}, session.Once)
				if diff := cmp.Diff(want, got); err != nil || diff != "" {
					rt.Fatalf("at %v: %v (-want +got):\n%s", now, err, diff)
				}
				if n := cost.Total().RoundTrips; n != 1 {
					rt.Fatalf("the dashboard costs %d round trips, want 1", n)
				}
			})
		})
	}
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// TestStatsAddUp reads while others write and fold: the parts are always of one
// moment.
func TestStatsAddUp(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	rules := rulesOf(t, "UTC")
	now := time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if w == 0 {
					_, _ = counters.Rollup(ctx, db)
					continue
				}
				create(t, db, rules, now, []member.Gender{member.Male, member.Female}[i%2], member.Pending)
			}
		})
	}
	last := int64(0)
	for range 300 {
		err := db.Read(t.Context(), func(r *session.Read) error {
			s, err := session.Run(t.Context(), r, dashboard.Stats(rules, now))
			if s.TotalMembers != s.MaleCount+s.FemaleCount || s.TotalMembers != s.PendingReviews || s.TotalMembers != s.TodaySignups || s.TotalMembers != s.MonthlySignups {
				t.Errorf("the parts do not add up: %+v", s)
			}
			if s.TotalMembers < last {
				t.Errorf("%d members after %d", s.TotalMembers, last)
			}
			last = s.TotalMembers
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	stop()
	wg.Wait()
}

func TestSignups(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	rules := rulesOf(t, "Asia/Seoul")
	if err := counters.UseZone(t.Context(), db, rules.Zone); err != nil {
		t.Fatal(err)
	}
	for hour := range 60 {
		create(t, db, rules, time.Date(2026, 3, 1, hour, 0, 0, 0, time.UTC), member.Genders()[hour%2], member.Pending)
		if hour == 30 {
			if _, err := counters.Rollup(t.Context(), db); err != nil {
				t.Fatal(err)
			}
		}
	}
	series := func(from, to string) (list []dashboard.SignupCount, err error) {
		err = db.Read(t.Context(), func(r *session.Read) error {
			list, err = session.Run(t.Context(), r, dashboard.Signups(from, to))
			return err
		}, session.Once)
		return list, err
	}
	got, err := series("2026-03-02", "2026-03-03")
	want := []dashboard.SignupCount{
		{Day: "2026-03-02", Gender: member.Female, Status: member.Pending, Count: 12},
		{Day: "2026-03-02", Gender: member.Male, Status: member.Pending, Count: 12},
		{Day: "2026-03-03", Gender: member.Female, Status: member.Pending, Count: 11},
		{Day: "2026-03-03", Gender: member.Male, Status: member.Pending, Count: 10},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got, err := series("2030-01-01", "2030-12-31"); err != nil || got == nil || len(got) != 0 {
		t.Errorf("days without sign-ups: got %v, %v", got, err)
	}
	for name, c := range map[string]struct{ from, to, fields string }{
		"inverted": {"2026-03-03", "2026-03-02", "[to]"},
		"no days":  {"3 March", "2026-02-30", "[from to]"},
		"too long": {"2000-01-01", "2026-01-01", "[from]"},
	} {
		_, err := series(c.from, c.to)
		var fields []string
		if f := fault.As(err); f != nil {
			for _, field := range f.Fields {
				fields = append(fields, field.Name)
			}
		}
		if fmt.Sprint(fields) != c.fields {
			t.Errorf("%s: got %v, want fields %s", name, err, c.fields)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	rules := rulesOf(t, "UTC")
	at := time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC)
	create(t, db, rules, at, member.Male, member.Pending)
	if _, err := counters.Rollup(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	check := func() (list []counters.Difference) {
		err := db.Read(t.Context(), func(r *session.Read) (err error) {
			list, err = counters.Check(t.Context(), r)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	if list := check(); list == nil || len(list) != 0 {
		t.Errorf("all is well, and yet: %v", list)
	}
	err := db.Write(t.Context(), func(w *session.Write) error {
		w.Add(query.Exec("update member_day set n = 5"), query.Exec("delete from member_quarter"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []counters.Difference{
		{What: "day 2026-03-15 male pending", Counted: 5, Recounted: 1},
		{What: "quarter 2026-03-15T12:00:00Z", Counted: 0, Recounted: 1},
	}
	if diff := cmp.Diff(want, check()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
