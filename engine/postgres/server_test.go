package postgres_test

import (
	"context"
	"errors"
	neturl "net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/musterhq/muster/engine/postgres"
	"github.com/musterhq/muster/engine/postgres/postgrestest"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
	"github.com/musterhq/muster/session/sessiontest"
)

// TestServer has the tests that need one server without replicas. Each has its
// own database.
func TestServer(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t, "deadlock_timeout = '50ms'",
		"synchronous_standby_names = 'nobody'", "synchronous_commit = local") // unless a test sets it
	tests := map[string]func(*testing.T, *postgrestest.Server){
		"conformance":                                    testConformance,
		"wire":                                           testWire,
		"settings of sessions":                           testSettings,
		"an error names its own query":                   testAttribution,
		"an exchange is read to its end":                 testReadToTheEnd,
		"an empty text is not NULL":                      testEmptyText,
		"a session whose first exchange failed is over":  testFailedFirst,
		"a serialisation failure is retried":             testSerialisation,
		"a deadlock is retried":                          testDeadlock,
		"a cancelled query ends at the server":           testCancel,
		"a lost connection harms no other":               testLostConnection,
		"an idle session expires":                        testExpired,
		"an unconfirmed commit is not a success":         testUnconfirmed,
		"a server without synchronous commit is refused": testAsyncCommit,
		"pooler": testPooler,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, server)
		})
	}
}

func testConformance(t *testing.T, server *postgrestest.Server) {
	sessiontest.Run(t, func(t testing.TB) session.Engine {
		// The suite loads two processors: a node that is slow is not down.
		return open(t, postgres.Options{Primary: server.Database(t), ProbeTimeout: patience})
	})
}

func testAsyncCommit(t *testing.T, server *postgrestest.Server) {
	url := server.Database(t)
	u, err := neturl.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	server.Exec(t, "alter database "+u.Path[1:]+" set synchronous_commit = off")
	e, err := postgres.Open(t.Context(), postgres.Options{Primary: url})
	if err == nil {
		_ = e.Close() // the test has failed
	}
	if err == nil || !strings.Contains(err.Error(), "synchronous_commit is off") || !strings.Contains(err.Error(), "alter role muster set synchronous_commit = on") {
		t.Errorf("got %v", err)
	}
}

// newNotes opens an engine on a database of its own, with an empty table.
func newNotes(t *testing.T, url string, o postgres.Options) (*session.DB, *postgres.Engine) {
	t.Helper()
	o.Primary = url
	e := open(t, o)
	db := session.New(e)
	write(t, db, query.Exec(`create table note (id bigint primary key, n bigint not null default 0)`))
	return db, e
}

func write(t *testing.T, db *session.DB, changes ...query.Change) {
	t.Helper()
	if err := db.Write(t.Context(), func(w *session.Write) error { w.Add(changes...); return nil }); err != nil {
		t.Fatal(err)
	}
}

func number(sql string, args ...any) query.Query[int] { return query.Scalar[int](sql, args...) }

// one runs a query in a read session of its own.
func one[T any](ctx context.Context, db *session.DB, q query.Query[T]) (answer T, err error) {
	err = db.Read(ctx, func(r *session.Read) (err error) {
		answer, err = session.Run(ctx, r, q)
		return err
	}, session.Once)
	return answer, err
}

// watcher asks the server about other connections, past the engine.
type watcher struct {
	t *testing.T
	c *pgx.Conn
}

func watch(t *testing.T, url string) *watcher {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return &watcher{t, c}
}

// others counts the other connections to the same database for which the
// condition on pg_stat_activity holds.
func (w *watcher) others(where string) (n int) {
	w.t.Helper()
	err := w.c.QueryRow(w.t.Context(), `select count(*) from pg_stat_activity
		where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend' and `+where).Scan(&n)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// soon waits until holds returns true, and fails the test if that takes too long.
func soon(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it takes too long until %s", what)
		}
	}
}

// testEmptyText sends an empty text as the first argument of a connection, and as
// the first after a large one.
func testEmptyText(t *testing.T, server *postgrestest.Server) {
	db, _ := newNotes(t, server.Database(t), postgres.Options{Readers: 1})
	for _, text := range []string{"", "", strings.Repeat("long", 10_000), ""} {
		null, err := one(t.Context(), db, query.Scalar[bool](`select cast($1 as text) is null`, text))
		if null || err != nil {
			t.Errorf("a text of %d bytes is NULL: %t, %v", len(text), null, err)
		}
	}
}

// testReadToTheEnd has exchanges fail halfway, and wants their connection to be
// good for the next.
func testReadToTheEnd(t *testing.T, server *postgrestest.Server) {
	db, _ := newNotes(t, server.Database(t), postgres.Options{Readers: 1})
	ctx, cost := session.Track(t.Context(), "")
	if err := db.Write(ctx, func(w *session.Write) error { w.Add(note(1)); return nil }); err != nil {
		t.Fatal(err)
	}
	pid := func() int {
		t.Helper()
		n, err := one(t.Context(), db, number(`select pg_backend_pid()`))
		if err != nil {
			t.Error(err)
		}
		return n
	}
	enough := errors.New("enough")
	scan := func(r query.Row) (n int, err error) { return n, r.Scan(&n) }
	for name, c := range map[string]struct {
		query query.Query[int]
		stays bool
	}{
		"rows after an error":                         {query.Each(`select n from generate_series(1, 50000) as n`, scan, func(int) error { return enough }), true},
		"rows after an error, then one of the server": {query.Each(`select 1 / (50000 - n) from generate_series(1, 60000) as n`, scan, func(int) error { return enough }), true},
		"a column of another type":                    {number(`select 'text' from generate_series(1, 50000)`), true},
		"an error of the server":                      {number(`select 1 / (50000 - n) from generate_series(1, 60000) as n`), true},
		"a copy instead of a query":                   {number(`copy note to stdout`), false},
	} {
		for _, after := range []session.Position{"", cost.Total().Position} {
			before, last := pid(), 0
			ctx, _ := session.Track(t.Context(), after)
			err := db.Read(ctx, func(r *session.Read) error {
				return r.Gather(ctx, query.Into(new(int), c.query), query.Into(&last, number(`select 7`)))
			}, session.Once)
			if err == nil || last != 0 || strings.HasPrefix(name, "rows") && !errors.Is(err, enough) {
				t.Errorf("%s: got %v, and %d from the query after it", name, err, last)
			}
			if stays := pid() == before; stays != c.stays {
				t.Errorf("%s: the connection stays: %t", name, stays)
			}
		}
	}
}

func testSettings(t *testing.T, server *postgrestest.Server) {
	db, _ := newNotes(t, server.Database(t), postgres.Options{StatementTimeout: 7 * time.Second, LockTimeout: 2 * time.Second})
	wantSettings(t, db)
}

func wantSettings(t *testing.T, db *session.DB) {
	t.Helper()
	settings := query.Scalar[string](`select concat_ws(', ', current_setting('transaction_isolation'), current_setting('transaction_read_only'),
		current_setting('statement_timeout'), current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'), current_setting('timezone'))`)
	got, err := one(t.Context(), db, settings)
	if want := "repeatable read, on, 7s, 2s, 10s, UTC"; err != nil || got != want {
		t.Errorf("a read session is %s, %v; want %s", got, err, want)
	}
	err = db.Write(t.Context(), func(w *session.Write) (err error) {
		got, err = session.Run(t.Context(), w, settings)
		return err
	})
	if want := "serializable, off, 7s, 2s, 10s, UTC"; err != nil || got != want {
		t.Errorf("a write session is %s, %v; want %s", got, err, want)
	}
	_, err = one(t.Context(), db, number(`insert into note (id) values (1) returning 1`))
	if err == nil || !strings.Contains(err.Error(), "25006") { // read_only_sql_transaction
		t.Errorf("writing in a read session: %v, want the server's refusal", err)
	}
}
