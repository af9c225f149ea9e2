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
		if err := c.authenticate(&hash, now); err != nil {
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
	for i, days := range []int{30, 7} {
		from := now.Truncate(time.Microsecond).AddDate(0, 0, -days)
		slot := (from.Unix() + slotSeconds - 1) / slotSeconds
		first := time.Unix(slot*slotSeconds, 0).In(zone)
		day := first
		if y, m, n := first.Date(); !first.Equal(time.Date(y, m, n, 0, 0, 0, 0, zone)) {
			day = time.Date(y, m, n+1, 0, 0, 0, 0, zone)
		}
		at, least, end := 5*i, firstID(from), firstID(first)
		_ = s.BindText(at+1, day.Format(time.DateOnly)) // a failure is one of the last, too
		_ = s.BindInt64(at+2, slot)
		_ = s.BindInt64(at+3, day.Unix()/slotSeconds)
		_ = s.BindBlob(at+4, least[:])
		_ = s.BindBlob(at+5, end[:])
	}
	y, m, n := now.In(zone).Date()
	midnight := time.Date(y, m, n, 0, 0, 0, 0, zone)
	_ = s.BindText(11, midnight.Format(time.DateOnly)) // as above
	if err := s.BindInt64(12, midnight.Unix()/slotSeconds); err != nil {
		return err
	}
	for s.Step() {
		d.MonthlySignups, d.WeeklySignups, d.TodaySignups = s.ColumnInt64(0), s.ColumnInt64(1), s.ColumnInt64(2)
	}
	return s.Reset()
}

// firstID is the least id that is made at a time.
func firstID(t time.Time) (id [16]byte) {
	us := t.UnixMicro()
	binary.BigEndian.PutUint64(id[:8], uint64(us/1000)<<16|0x7000|uint64(us%1000*4096+999)/1000)
	id[8] = 0x80
	return id
}
