package dashboard

import (
	"time"

	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/member"
)

// Summary describes the membership at one moment. It does not count deleted
// members.
type Summary struct {
	TotalMembers   int64     `json:"total_members" doc:"All members." example:"100000" minimum:"0"`
	MonthlySignups int64     `json:"monthly_signups" doc:"Members created in the last 30 days, exact to the instant." example:"2113" minimum:"0"`
	WeeklySignups  int64     `json:"weekly_signups" doc:"Members created in the last 7 days, exact to the instant." example:"498" minimum:"0"`
	TodaySignups   int64     `json:"today_signups" doc:"Members created since midnight in the configured time zone." example:"31" minimum:"0"`
	MaleCount      int64     `json:"male_count" doc:"Male members." example:"50912" minimum:"0"`
	FemaleCount    int64     `json:"female_count" doc:"Female members." example:"48377" minimum:"0"`
	PendingReviews int64     `json:"pending_reviews" doc:"Members waiting for a review." example:"214" minimum:"0"`
	AsOf           time.Time `json:"as_of" doc:"The moment at which all of these numbers are true." example:"2026-01-31T09:00:00.123456Z"`
}

// SignupCount is the number of members with a gender and status that were created
// on a day and are not deleted.
type SignupCount struct {
	Day    string        `json:"day" doc:"The day, in the configured time zone." example:"2026-01-31" format:"date"`
	Gender member.Gender `json:"gender" doc:"The gender." example:"female"`
	Status member.Status `json:"status" doc:"The state of the review." example:"pending"`
	Count  int64         `json:"count" doc:"The number of members." example:"12" minimum:"0"`
}

const (
	month = 30 * 24 * time.Hour
	week  = 7 * 24 * time.Hour
)

// window is the time from a moment on, divided like the counters: members are
// counted to the end of the first slot, slots to the end of the first day, and
// then days.
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

// date is a day of the calendar; dates can be compared.
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

// dayAfter returns the start of the day after that of t.
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

// midnight returns the start of the day of t.
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

// midnightOf returns the start of the day that many days after d, unless the
// clocks change at that time.
func midnightOf(d date, days int, rules member.Rules) time.Time {
	return time.Date(d.year, d.month, d.day+days, 0, 0, 0, 0, zoneOf(rules))
}
