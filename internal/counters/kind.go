package counters

import "time"

// Day is a day in the store's zone, written as 2026-01-31, so that the order of
// the text is that of time.
type Day = string

// DayOf returns the day of a moment in a zone; nil is UTC.
func DayOf(t time.Time, zone *time.Location) Day { return t.In(orUTC(zone)).Format(time.DateOnly) }

func orUTC(zone *time.Location) *time.Location {
	if zone == nil {
		return time.UTC
	}
	return zone
}

// slotLength is how long a slot is. Every zone's midnight is the beginning of
// one.
const slotLength = 15 * time.Minute

// SlotOf returns the number of the slot of a moment, which is its quarter of an
// hour since 1970.
func SlotOf(t time.Time) int64 { return t.Unix() / int64(slotLength/time.Second) }

// SlotStart returns the moment at which a slot begins.
func SlotStart(slot int64) time.Time {
	return time.Unix(slot*int64(slotLength/time.Second), 0).UTC()
}

// Kind is what members are counted by.
type Kind struct {
	Day    Day
	Slot   int64
	Gender string
	Status string
}

// KindOf returns the kind of a member that was created at a moment, whose day is
// counted in a zone; nil is UTC.
func KindOf(created time.Time, zone *time.Location, gender, status string) Kind {
	return Kind{DayOf(created, zone), SlotOf(created), gender, status}
}
