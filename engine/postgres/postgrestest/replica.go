package postgrestest

import (
	"context"
	"testing"
)

// place makes a text of a place in the log that sorts as the place does.
func place(lsn string) string {
	return `(select lpad(split_part(at, '/', 1), 8, '0') || lpad(split_part(at, '/', 2), 8, '0') from (select cast(` + lsn + ` as text) as at) as place)`
}

// Received is how far the replica has received its primary's log. What is later
// sorts after it.
func (s *Server) Received(t testing.TB) string {
	t.Helper()
	return s.ask(t, `select `+place(`pg_last_wal_receive_lsn()`))
}

// Receive waits until the replica has received, and not necessarily shows, all
// that the primary has on its disk.
func (s *Server) Receive(t testing.TB, primary *Server) {
	t.Helper()
	want := primary.ask(t, `select `+place(`pg_current_wal_flush_lsn()`))
	s.await("the replica has received the log", func(context.Context) bool { return s.Received(t) >= want })
}
