package postgrestest

import (
	"context"
	"testing"
)

// place returns SQL for a place in the log, as a text that sorts as places do.
func place(lsn string) string {
	return `(select lpad(split_part(at, '/', 1), 8, '0') || lpad(split_part(at, '/', 2), 8, '0') from (select cast(` + lsn + ` as text) as at) as place)`
}

// Received returns how far the replica has received its primary's log. Later
// places sort after it.
func (s *Server) Received(t testing.TB) string {
	t.Helper()
	return s.ask(t, `select `+place(`pg_last_wal_receive_lsn()`))
}

// Receive waits until the replica has received all that the primary has on disk,
// and does not wait until it shows that.
func (s *Server) Receive(t testing.TB, primary *Server) {
	t.Helper()
	want := primary.ask(t, `select `+place(`pg_current_wal_flush_lsn()`))
	s.await("the replica has received the log", func(context.Context) bool { return s.Received(t) >= want })
}
