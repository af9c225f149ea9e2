package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/engine/postgres"
	"github.com/musterhq/muster/engine/postgres/postgrestest"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

func testAttribution(t *testing.T, server *postgrestest.Server) {
	db, _ := newNotes(t, server.Database(t), postgres.Options{})
	ctx, cost := session.Track(t.Context(), "")
	if err := db.Write(ctx, func(w *session.Write) error { w.Add(note(1)); return nil }); err != nil {
		t.Fatal(err)
	}
	good := number(`select count(*) from note`)
	bad := map[string]query.Query[int]{
		"22012": number(`select 1 / (id - 1) from note where id >= $1`, 1), // fails when it runs: division by zero
		"42703": number(`select no_such_column from note`),                 // fails when it is prepared: undefined column
	}
	for code, bad := range bad {
		for place := range 3 {
			for _, after := range []session.Position{"", cost.Total().Position} {
				ctx, _ := session.Track(t.Context(), after)
				got := [3]int{-1, -1, -1}
				parts := make([]query.Part, 3)
				for i := range parts {
					parts[i] = query.Into(&got[i], good)
				}
				parts[place] = query.Into(&got[place], bad)
				err := db.Read(ctx, func(r *session.Read) error { return r.Gather(ctx, parts...) }, session.Once)
				if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("statement %d of 3", place+1)) || !strings.Contains(err.Error(), code) {
					t.Errorf("%s in place %d: got %v", code, place+1, err)
				}
				if got != [3]int{-1, -1, -1} {
					t.Errorf("%s in place %d: destinations were set: %v", code, place+1, got)
				}
			}
		}
	}
	err := db.Write(t.Context(), func(w *session.Write) error { w.Add(note(2), note(3), note(1), note(4)); return nil })
	if v, ok := errors.AsType[*query.Violation](err); !ok || v.Constraint != "note_pkey" || !strings.Contains(err.Error(), "statement 3 of 4") {
		t.Errorf("a duplicate key: got %v", err)
	}
	if n, err := one(t.Context(), db, good); err != nil || n != 1 {
		t.Errorf("%d notes afterwards, %v; want 1", n, err)
	}
}

func testFailedFirst(t *testing.T, server *postgrestest.Server) {
	db, _ := newNotes(t, server.Database(t), postgres.Options{})
	isolation := query.Scalar[string](`select current_setting('transaction_isolation')`)
	for name, bad := range map[string]query.Query[int]{
		"a wrong text":     number(`select no_such_column from note`),
		"a wrong argument": number(`select count(*) from note where id = $1`, "one"),
	} {
		err := db.Read(t.Context(), func(r *session.Read) error {
			if _, err := session.Run(t.Context(), r, bad); err == nil {
				t.Errorf("%s was run", name)
			}
			got, err := session.Run(t.Context(), r, isolation)
			if err == nil && got != "repeatable read" {
				t.Errorf("after %s the session continues as %s", name, got)
			}
			return nil
		})
		if err != nil {
			t.Errorf("after %s: %v", name, err)
		}
	}
}

func testSerialisation(t *testing.T, server *postgrestest.Server) {
	db, _ := newNotes(t, server.Database(t), postgres.Options{})
	write(t, db, note(1))
	ctx, cost := session.Track(t.Context(), "")
	add := query.Exec(`update note set n = n + 1 where id = 1`)
	var codes []string
	err := db.Write(ctx, func(w *session.Write) error {
		n, err := session.Run(ctx, w, number(`select n from note where id = 1`))
		if err != nil {
			return err
		}
		if len(codes) == 0 {
			write(t, db, add) // of another session, in between
		}
		_, err = w.Do(ctx, query.Exec(`update note set n = $1 where id = 1`, n+1))
		codes = append(codes, fmt.Sprint(err))
		return err
	})
	if err != nil || len(codes) != 2 || !strings.Contains(codes[0], "40001") || cost.Total().Retries != 1 {
		t.Errorf("got %v after the attempts %q", err, codes)
	}
	if n, err := one(ctx, db, number(`select n from note where id = 1`)); err != nil || n != 2 {
		t.Errorf("n is %d, %v; want 2", n, err)
	}
}

func testDeadlock(t *testing.T, server *postgrestest.Server) {
	db, _ := newNotes(t, server.Database(t), postgres.Options{})
	write(t, db, note(1), note(2))
	var both, ended sync.WaitGroup
	both.Add(2)
	var deadlocks atomic.Int64
	for i := range 2 {
		ended.Go(func() {
			first := true
			err := db.Write(t.Context(), func(w *session.Write) error {
				_, err := w.Do(t.Context(), query.Exec(`update note set n = n + 1 where id = $1`, 1+i))
				if first { // each holds one row, then waits for the other's
					first = false
					both.Done()
					both.Wait()
				}
				if err != nil {
					return err
				}
				_, err = w.Do(t.Context(), query.Exec(`update note set n = n + 1 where id = $1`, 2-i))
				if err != nil && strings.Contains(err.Error(), "40P01") {
					deadlocks.Add(1)
				}
				return err
			})
			if err != nil {
				t.Errorf("session %d: %v", i, err)
			}
		})
	}
	ended.Wait()
	if deadlocks.Load() == 0 {
		t.Error("no deadlock happened: the test proves nothing")
	}
	if n, err := one(t.Context(), db, number(`select cast(sum(n) as bigint) from note`)); err != nil || n != 4 {
		t.Errorf("the sum is %d, %v; want 4", n, err)
	}
}

func testLostConnection(t *testing.T, server *postgrestest.Server) {
	url := server.Database(t)
	db, _ := newNotes(t, url, postgres.Options{StatementTimeout: time.Minute, LockTimeout: time.Minute})
	w := watch(t, url)
	hold := func(sql string) {
		if _, err := w.c.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	hold(`select pg_advisory_lock(1)`)
	runs, ended := 0, make(chan error)
	go func() {
		ended <- db.Read(t.Context(), func(bystander *session.Read) error {
			runs++
			_, err := session.Run(t.Context(), bystander, query.Scalar[string](`select cast(pg_advisory_xact_lock_shared(1) as text)`))
			return err
		})
	}()
	soon(t, "the bystander waits", func() bool { return w.others(`wait_event = 'advisory'`) == 1 })
	for range 10 {
		loseOne(t, db, watch(t, url))
	}
	hold(`select pg_advisory_unlock(1)`)
	if err := <-ended; err != nil || runs != 1 {
		t.Errorf("the bystander ran %d times: %v", runs, err)
	}
}

// loseOne has the server close a connection between two queries of a session, and
// another one that is idle. Both sessions must succeed.
func loseOne(t *testing.T, db *session.DB, w *watcher) {
	t.Helper()
	kill := func(pid int) {
		if _, err := w.c.Exec(t.Context(), `select pg_terminate_backend($1, 5000)`, pid); err != nil {
			t.Error(err)
		}
	}
	var pids []int
	err := db.Read(t.Context(), func(r *session.Read) error {
		pid, err := session.Run(t.Context(), r, number(`select pg_backend_pid()`))
		if pids = append(pids, pid); len(pids) == 1 {
			kill(pid)
		}
		if err != nil {
			return err
		}
		_, err = session.Run(t.Context(), r, number(`select count(*) from note`))
		return err
	})
	if err != nil || len(pids) != 2 {
		t.Errorf("the session whose connection was closed ran on %v: %v", pids, err)
	}
	var pid int
	err = db.Write(t.Context(), func(w *session.Write) (err error) {
		pid, err = session.Run(t.Context(), w, number(`select pg_backend_pid()`))
		return err
	})
	if err != nil {
		t.Error(err)
	}
	kill(pid)
	time.Sleep(20 * time.Millisecond) // idle for long enough to be checked: a commit cannot be retried
	write(t, db, query.Exec(`update note set n = n + 1`))
}

func testExpired(t *testing.T, server *postgrestest.Server) {
	url := server.Database(t)
	db, _ := newNotes(t, url, postgres.Options{IdleTimeout: 100 * time.Millisecond})
	w := watch(t, url)
	idle := func() {
		soon(t, "the server has ended the session", func() bool { return w.others(`state = 'idle in transaction'`) == 0 })
	}
	err := db.Read(t.Context(), func(r *session.Read) error {
		if _, err := session.Run(t.Context(), r, number(`select 1`)); err != nil {
			return err
		}
		idle()
		_, err := session.Run(t.Context(), r, number(`select 1`))
		return err
	})
	if !errors.Is(err, session.ErrExpired) {
		t.Errorf("a read session: got %v, want %v", err, session.ErrExpired)
	}
	err = db.Write(t.Context(), func(w *session.Write) error {
		_, err := w.Do(t.Context(), note(1))
		idle()
		return err
	})
	if !errors.Is(err, session.ErrExpired) {
		t.Errorf("a write session: got %v, want %v", err, session.ErrExpired)
	}
	if n, err := one(t.Context(), db, number(`select count(*) from note`)); err != nil || n != 0 {
		t.Errorf("%d notes, %v; want none", n, err)
	}
}

func testUnconfirmed(t *testing.T, server *postgrestest.Server) {
	url := server.Database(t)
	newNotes(t, url, postgres.Options{})
	if _, err := watch(t, url).c.Exec(t.Context(), `do $$ begin execute format('alter database %I set synchronous_commit = on', current_database()); end $$`); err != nil {
		t.Fatal(err)
	}
	db := session.New(open(t, postgres.Options{Primary: url}))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := db.Write(ctx, func(w *session.Write) error { w.Add(note(1)); return nil })
	if !errors.Is(err, session.ErrUnavailable) || !strings.Contains(err.Error(), "no replica has confirmed") {
		t.Errorf("got %v, want that the outcome is uncertain", err)
	}
	if n, err := one(t.Context(), db, number(`select count(*) from note`)); err != nil || n != 1 {
		t.Errorf("%d notes, %v; want the one, on the primary alone", n, err)
	}
}
