package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/engine/sqlite"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

var errWanted = errors.New("an error that the test wants")

// store opens an engine with a table to write to.
func store(t testing.TB, o sqlite.Options) (*sqlite.Engine, *session.DB) {
	t.Helper()
	e := open(t, o)
	db := session.New(e)
	if err := add(t.Context(), db, query.Exec(`create table if not exists note (id integer primary key)`)); err != nil {
		t.Fatal(err)
	}
	return e, db
}

func add(ctx context.Context, db *session.DB, changes ...query.Change) error {
	return db.Write(ctx, func(w *session.Write) error { w.Add(changes...); return nil })
}

func note(id int) query.Change { return query.Exec(`insert into note (id) values ($1)`, id) }

func count(t testing.TB, db *session.DB) (n int) {
	t.Helper()
	err := db.Read(t.Context(), func(r *session.Read) (err error) {
		n, err = session.Run(t.Context(), r, query.Scalar[int](`select count(*) from note`))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestConcurrentSessionsShareACommit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		limit int
		want  func(perCommit float64) bool
	}{
		"shared":      {0, func(n float64) bool { return n > 3 }},
		"not shared":  {1, func(n float64) bool { return n == 1 }},
		"few a group": {2, func(n float64) bool { return n > 1 && n <= 2 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, db := store(t, sqlite.Options{GroupLimit: test.limit})
			before := e.Stats()
			const workers, each = 32, 20
			together(t, workers, func(worker int) error {
				for i := range each {
					if err := add(t.Context(), db, note(worker*1000+i)); err != nil {
						return err
					}
				}
				return nil
			})
			after := e.Stats()
			sessions := after.Sessions - before.Sessions
			if sessions != workers*each {
				t.Errorf("%d sessions were counted, want %d", sessions, workers*each)
			}
			if perCommit := float64(sessions) / float64(after.Commits-before.Commits); !test.want(perCommit) {
				t.Errorf("%.1f sessions shared a commit", perCommit)
			}
		})
	}
}

func TestSlowSessionExpires(t *testing.T) {
	t.Parallel()
	for name, hold := range map[string]func(*session.Write) error{
		"that does nothing": func(w *session.Write) error {
			return nil
		},
		"that ignores its context": func(w *session.Write) error {
			_, err := w.Do(context.Background(), query.Exec(`insert into note (id)
				with recursive n (i) as (select 1000 union all select i + 1 from n) select i from n`))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, db := store(t, sqlite.Options{WriteLimit: 300 * time.Millisecond})
			holding, release := make(chan struct{}), make(chan struct{})
			slow := make(chan error, 1)
			go func() {
				slow <- db.Write(t.Context(), func(w *session.Write) error {
					if _, err := w.Do(t.Context(), note(1)); err != nil {
						return err
					}
					close(holding)
					if err := hold(w); err != nil {
						return err
					}
					<-release
					return nil
				})
			}()
			<-holding
			for i := range 3 { // before the slow one returns
				if err := add(t.Context(), db, note(10+i)); err != nil {
					t.Errorf("behind the slow session: %v", err)
				}
			}
			close(release)
			if err := <-slow; !errors.Is(err, session.ErrExpired) {
				t.Errorf("the slow session got %v, want %v", err, session.ErrExpired)
			}
			if got := count(t, db); got != 3 {
				t.Errorf("%d notes, want the 3 of the others", got)
			}
		})
	}
}

func TestSessionThatFailsLeavesItsGroupAlone(t *testing.T) {
	t.Parallel()
	_, db := store(t, sqlite.Options{WriteLimit: time.Minute, GroupAge: time.Minute})
	var committed atomic.Int64
	together(t, 32, func(worker int) error {
		for i := range 20 {
			id := worker*1000 + i
			ctx, cancel := context.WithCancelCause(t.Context())
			err := db.Write(ctx, func(w *session.Write) error {
				if _, err := w.Do(ctx, note(id)); err != nil {
					return err
				}
				switch i % 5 {
				case 0:
					return errWanted
				case 1:
					w.Add(note(id)) // refused
				case 2:
					cancel(errWanted)
				case 3: // interrupting a write makes SQLite roll back the whole group
					time.AfterFunc(time.Millisecond, func() { cancel(errWanted) })
					_, err := w.Do(ctx, query.Exec(`insert into note (id)
						with recursive n (i) as (select $1 union all select i + 1 from n) select i from n`, 1_000_000+id))
					return err
				}
				return nil
			})
			cancel(nil)
			if (err == nil) != (i%5 == 4) {
				return fmt.Errorf("case %d: %w", i%5, err)
			}
			if err == nil {
				committed.Add(1)
			}
		}
		return nil
	})
	if got := count(t, db); int64(got) != committed.Load() || got != 32*4 {
		t.Errorf("%d notes are stored, %d were acknowledged, want %d", got, committed.Load(), 32*4)
	}
}

func TestAnotherWriterOfTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "muster.db")
	_, one := store(t, sqlite.Options{Path: path})
	_, two := store(t, sqlite.Options{Path: path, BusyTimeout: 20 * time.Millisecond, WriteLimit: time.Minute})
	t.Run("is waited for within a bound", func(t *testing.T) {
		err := one.Write(t.Context(), func(w *session.Write) error {
			if _, err := w.Do(t.Context(), note(1)); err != nil {
				return err
			}
			if err := add(t.Context(), two, note(2)); !errors.Is(err, session.ErrUnavailable) {
				t.Errorf("got %v, want %v", err, session.ErrUnavailable)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if err := add(t.Context(), two, note(2)); err != nil {
			t.Error(err)
		}
	})
	t.Run("cannot tear a session", func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			for id := 100; ctx.Err() == nil; id++ {
				_ = add(ctx, one, note(id)) // the two engines take turns, and one may wait too long
			}
		})
		for range 300 {
			var a, b int
			err := two.Read(t.Context(), func(r *session.Read) (err error) {
				q := query.Scalar[int](`select count(*) from note`)
				if a, err = session.Run(t.Context(), r, q); err == nil {
					b, err = session.Run(t.Context(), r, q)
				}
				return err
			})
			if err != nil && !errors.Is(err, session.ErrUnavailable) {
				t.Fatal(err)
			}
			if err == nil && a != b {
				t.Fatalf("the session saw %d notes, then %d", a, b)
			}
		}
		stop()
		wg.Wait()
	})
}

// together runs n workers and fails the test with the first errors.
func together(t *testing.T, n int, work func(worker int) error) {
	t.Helper()
	var wg sync.WaitGroup
	for worker := range n {
		wg.Go(func() {
			if err := work(worker); err != nil {
				t.Errorf("worker %d: %v", worker, err)
			}
		})
	}
	wg.Wait()
}
