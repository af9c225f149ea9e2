package counters

import "time"

// Day is a day in the store's zone, such as 2026-01-31: days sort as text.
type Day = string

// DayOf returns the day of a moment in a zone. Nil is UTC.
func DayOf(t time.Time, zone *time.Location) Day { return t.In(orUTC(zone)).Format(time.DateOnly) }

func orUTC(zone *time.Location) *time.Location {
	if zone == nil {
		return time.UTC
	}
	return zone
}

// slotLength is the length of a slot. In every zone, midnight is the start of a
// slot.
const slotLength = 15 * time.Minute

// SlotOf returns the number of the slot of a moment: the quarter hours since 1970.
func SlotOf(t time.Time) int64 { return t.Unix() / int64(slotLength/time.Second) }

// SlotStart returns the start of a slot.
func SlotStart(slot int64) time.Time {
	return time.Unix(slot*int64(slotLength/time.Second), 0).UTC()
}

// Kind is a group of members that are counted together.
type Kind struct {
	Day    Day
	Slot   int64
	Gender string
	Status string
}

// KindOf returns the kind of a member that was created at a moment, with its day
// in a zone. Nil is UTC.
func KindOf(created time.Time, zone *time.Location, gender, status string) Kind {
	return Kind{DayOf(created, zone), SlotOf(created), gender, status}
}
