package postgres_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/engine/postgres"
	"github.com/musterhq/muster/engine/postgres/postgrestest"
	"github.com/musterhq/muster/session"
	"github.com/musterhq/muster/session/sessiontest"
)

// through is the address of the same database behind the pooler.
func through(pooler *postgrestest.Pooler, url string) string {
	return pooler.Through(url) + "&pool_mode=transaction"
}

func testPooler(t *testing.T, server *postgrestest.Server) {
	pooler := server.Pooler(t)
	t.Run("conformance", func(t *testing.T) {
		sessiontest.Run(t, func(t testing.TB) session.Engine {
			return open(t, postgres.Options{Primary: through(pooler, server.Database(t)), Readers: 8, Writers: 4})
		})
	})
	t.Run("settings of sessions", func(t *testing.T) {
		t.Parallel()
		db, _ := newNotes(t, through(pooler, server.Database(t)), postgres.Options{StatementTimeout: 7 * time.Second, LockTimeout: 2 * time.Second})
		wantSettings(t, db)
	})
	t.Run("a cancelled query ends at the server", func(t *testing.T) {
		t.Parallel()
		url := server.Database(t)
		db, _ := newNotes(t, through(pooler, url), postgres.Options{StatementTimeout: time.Hour})
		wantCancelled(t, db, watch(t, url))
	})
	t.Run("positions", func(t *testing.T) {
		t.Parallel()
		db, _ := newNotes(t, through(pooler, server.Database(t)), postgres.Options{})
		for i := range 100 {
			ctx, cost := session.Track(t.Context(), "")
			if err := db.Write(ctx, func(w *session.Write) error { w.Add(note(i)); return nil }); err != nil {
				t.Fatal(err)
			}
			ctx, _ = session.Track(t.Context(), cost.Total().Position)
			if n, err := one(ctx, db, number(`select count(*) from note`)); err != nil || n != i+1 {
				t.Fatalf("after note %d: %d notes, %v", i, n, err)
			}
		}
	})
	t.Run("an address without pool_mode", func(t *testing.T) {
		t.Parallel()
		e, err := postgres.Open(t.Context(), postgres.Options{Primary: pooler.Through(server.Database(t))})
		if err == nil {
			_ = e.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "add pool_mode=transaction") {
			t.Errorf("got %v, want the remedy", err)
		}
	})
	t.Run("an address without pool_mode, behind a pooler that ignores the settings", func(t *testing.T) {
		t.Parallel()
		quiet := server.Pooler(t, "ignore_startup_parameters = statement_timeout,lock_timeout,idle_in_transaction_session_timeout,default_transaction_read_only")
		e, err := postgres.Open(t.Context(), postgres.Options{Primary: quiet.Through(server.Database(t))})
		if err == nil {
			defer e.Close()
			err = useAll(t, session.New(e))
		}
		if err == nil || !strings.Contains(err.Error(), "add pool_mode=transaction") {
			t.Errorf("got %v, want the remedy", err)
		}
	})
	t.Run("another pool_mode", func(t *testing.T) {
		t.Parallel()
		_, err := postgres.Open(t.Context(), postgres.Options{Primary: server.URL() + "&pool_mode=session"})
		if err == nil || !strings.Contains(err.Error(), "pool_mode") {
			t.Errorf("got %v", err)
		}
	})
}

// useAll runs one session after another until one fails: the pooler runs them on
// connections on which others have prepared statements.
func useAll(t *testing.T, db *session.DB) (err error) {
	t.Helper()
	for range 100 {
		err = db.Read(t.Context(), func(r *session.Read) error {
			if _, err := session.Run(t.Context(), r, number(`select 1`)); err != nil {
				return err
			}
			_, err := one(t.Context(), db, number(`select 2`))
			return err
		})
		if err != nil {
			return err
		}
	}
	return errors.New("nothing failed")
}
