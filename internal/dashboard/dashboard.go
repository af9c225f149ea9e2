package dashboard

import (
	"time"

	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/member"
)

// Summary is the state of the membership at one moment. Deleted members are in
// none of the numbers.
type Summary struct {
	TotalMembers   int64     `json:"total_members"`
	MonthlySignups int64     `json:"monthly_signups"` // created in the last 30 days
	WeeklySignups  int64     `json:"weekly_signups"`  // created in the last 7 days
	TodaySignups   int64     `json:"today_signups"`   // created since midnight in the configured zone
	MaleCount      int64     `json:"male_count"`
	FemaleCount    int64     `json:"female_count"`
	PendingReviews int64     `json:"pending_reviews"`
	AsOf           time.Time `json:"as_of"`
}

// SignupCount is how many members of a kind were created on a day and are not
// deleted.
type SignupCount struct {
	Day    string        `json:"day"` // 2026-01-31, in the configured zone
	Gender member.Gender `json:"gender"`
	Status member.Status `json:"status"`
	Count  int64         `json:"count"`
}

// Difference is a number that the counters and a recount do not agree on.
type Difference struct {
	What      string `json:"what"` // "total male pending", "day 2026-01-31", …
	Counted   int64  `json:"counted"`
	Recounted int64  `json:"recounted"`
}

const (
	month = 30 * 24 * time.Hour
	week  = 7 * 24 * time.Hour
)

// window is the time from a moment on, divided as the counters are: to the end
// of the slot, for which members are counted; to the end of the day, for which
// slots are; and days.
type window struct {
	from time.Time
	slot int64        // the first whole one
	day  counters.Day // the first whole one
	end  int64        // the slot in which it begins
}

func windowFrom(from time.Time, rules member.Rules) window {
	w := window{from: from, slot: counters.SlotOf(from)}
	if counters.SlotStart(w.slot).Before(from) {
		w.slot++
	}
	start := counters.SlotStart(w.slot)
	w.end = w.slot
	if dateOf(start, rules) == dateOf(start.Add(-1), rules) {
		start = dayAfter(start, rules)
		w.end = counters.SlotOf(start)
	}
	w.day = rules.DayOf(start)
	return w
}

// date is a day of the calendar, to be compared.
type date struct {
	year  int
	month time.Month
	day   int
}

func dateOf(t time.Time, rules member.Rules) (d date) {
	d.year, d.month, d.day = t.In(zoneOf(rules)).Date()
	return d
}

func zoneOf(rules member.Rules) *time.Location {
	if rules.Zone == nil {
		return time.UTC
	}
	return rules.Zone
}

// dayAfter is the moment at which the day after that of t begins.
func dayAfter(t time.Time, rules member.Rules) time.Time {
	today := dateOf(t, rules)
	guess := midnightOf(today, 1, rules)
	if dateOf(guess, rules) != today && dateOf(guess.Add(-1), rules) == today {
		return guess
	}
	slot := counters.SlotOf(t) // clocks are changed in that night
	for dateOf(counters.SlotStart(slot), rules) == today {
		slot++
	}
	return counters.SlotStart(slot)
}

// midnight is the moment at which the day of t begins.
func midnight(t time.Time, rules member.Rules) time.Time {
	today := dateOf(t, rules)
	guess := midnightOf(today, 0, rules)
	if dateOf(guess, rules) == today && dateOf(guess.Add(-1), rules) != today {
		return guess
	}
	slot := counters.SlotOf(t) // clocks were changed in that night
	for dateOf(counters.SlotStart(slot-1), rules) == today {
		slot--
	}
	return counters.SlotStart(slot)
}

// midnightOf is when the day so many days after another begins, unless clocks
// are changed then.
func midnightOf(d date, days int, rules member.Rules) time.Time {
	return time.Date(d.year, d.month, d.day+days, 0, 0, 0, 0, zoneOf(rules))
}
