package demo

import (
	"math"
	"slices"
	"time"
)

// How often people sign up: from Sunday to Saturday, and through the day.
var (
	ofWeekday = [7]float64{1.45, 1.20, 1.00, 0.95, 0.90, 0.80, 1.10}
	ofHour    = [24]float64{
		0.8, 0.5, 0.3, 0.2, 0.1, 0.1, 0.2, 0.5, 0.8, 0.9, 0.9, 1.0,
		1.3, 1.1, 0.9, 0.9, 1.0, 1.1, 1.3, 1.5, 1.8, 2.1, 2.0, 1.4,
	}
)

const (
	year   = 365 * 24 // hours
	growth = 0.8      // of the sign-ups from a year's first day to its last
)

// A calendar spreads sign-ups over the year that ends at a moment.
type calendar struct {
	start time.Time
	until []float64 // the share of all members who have signed up by the end of each hour
}

func newCalendar(now time.Time, zone *time.Location) *calendar {
	c := &calendar{start: now.Add(-year * time.Hour), until: make([]float64, year)}
	sum := 0.0
	for i := range c.until {
		at := c.start.Add(time.Duration(i) * time.Hour).In(zone)
		sum += ofWeekday[at.Weekday()] * ofHour[at.Hour()] * (1 + growth*float64(i)/year)
		c.until[i] = sum
	}
	for i := range c.until {
		c.until[i] /= sum
	}
	return c
}

// at returns the moment by which the share, from 0 to 1, has signed up. It grows with
// the share and lies before the calendar's end.
func (c *calendar) at(share float64) time.Time {
	hour, _ := slices.BinarySearch(c.until, share)
	hour = min(hour, year-1)
	before := 0.0
	if hour > 0 {
		before = c.until[hour-1]
	}
	part := math.Min((share-before)/(c.until[hour]-before), 1-1e-9)
	into := time.Duration((float64(hour) + part) * float64(time.Hour))
	return c.start.Add(into).Truncate(time.Microsecond)
}
