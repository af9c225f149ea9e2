package limit

import (
	"encoding/binary"
	"net/http"
	"time"
)

type dashboardJSON struct {
	TotalMembers   int64  `json:"total_members"`
	MonthlySignups int64  `json:"monthly_signups"`
	WeeklySignups  int64  `json:"weekly_signups"`
	TodaySignups   int64  `json:"today_signups"`
	MaleCount      int64  `json:"male_count"`
	FemaleCount    int64  `json:"female_count"`
	PendingReviews int64  `json:"pending_reviews"`
	AsOf           string `json:"as_of"`
}

// dashboard answers with the seven numbers.
func (s *Server) dashboard(w http.ResponseWriter, r *http.Request) {
	hash, now := bearer(r), s.Clock().UTC()
	d := dashboardJSON{AsOf: now.Format(told)}
	err := s.readers.read(func(c *conn) error {
		if _, err := c.authenticate(&hash, now); err != nil {
			return err
		}
		if err := c.kinds(&d); err != nil {
			return err
		}
		return c.signups(&d, now, s.Zone)
	})
	answer(w, http.StatusOK, &d, err)
}

func (c *conn) kinds(d *dashboardJSON) error {
	s, err := c.stmt(totals)
	if err != nil {
		return err
	}
	for s.Step() {
		d.TotalMembers, d.MaleCount = s.ColumnInt64(0), s.ColumnInt64(1)
		d.FemaleCount, d.PendingReviews = s.ColumnInt64(2), s.ColumnInt64(3)
	}
	return s.Reset()
}

const slotSeconds = 15 * 60

func (c *conn) signups(d *dashboardJSON, now time.Time, zone *time.Location) error {
	s, err := c.stmt(dashboardCounts)
	if err != nil {
		return err
	}
	for i, w := range windowsOf(now, zone) {
		at := 5 * i
		_ = s.BindText(at+1, w.day) // a failure is one of the last, too
		_ = s.BindInt64(at+2, w.slot)
		_ = s.BindInt64(at+3, w.end)
		_ = s.BindBlob(at+4, w.least[:])
		_ = s.BindBlob(at+5, w.first[:])
	}
	day, slot := today(now, zone)
	_ = s.BindText(11, day) // as above
	if err := s.BindInt64(12, slot); err != nil {
		return err
	}
	for s.Step() {
		d.MonthlySignups, d.WeeklySignups, d.TodaySignups = s.ColumnInt64(0), s.ColumnInt64(1), s.ColumnInt64(2)
	}
	return s.Reset()
}

// window is the time from a moment on, divided as the counters are.
type window struct {
	day          string
	slot, end    int64
	least, first [16]byte // of the ids of its first slot
}

// windowsOf are the last 30 days and the last 7.
func windowsOf(now time.Time, zone *time.Location) (list [2]window) {
	for i, days := range []int{30, 7} {
		from := now.Truncate(time.Microsecond).AddDate(0, 0, -days)
		slot := (from.Unix() + slotSeconds - 1) / slotSeconds
		first := time.Unix(slot*slotSeconds, 0).In(zone)
		day := first
		if y, m, n := first.Date(); !first.Equal(time.Date(y, m, n, 0, 0, 0, 0, zone)) {
			day = time.Date(y, m, n+1, 0, 0, 0, 0, zone)
		}
		list[i] = window{day.Format(time.DateOnly), slot, day.Unix() / slotSeconds, firstID(from), firstID(first)}
	}
	return list
}

// today is the day and the slot that begin with it.
func today(now time.Time, zone *time.Location) (day string, slot int64) {
	y, m, n := now.In(zone).Date()
	midnight := time.Date(y, m, n, 0, 0, 0, 0, zone)
	return midnight.Format(time.DateOnly), midnight.Unix() / slotSeconds
}

// firstID is the least id that is made at a time.
func firstID(t time.Time) (id [16]byte) {
	us := t.UnixMicro()
	binary.BigEndian.PutUint64(id[:8], uint64(us/1000)<<16|0x7000|uint64(us%1000*4096+999)/1000)
	id[8] = 0x80
	return id
}
