package main

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/engine/postgres/postgrestest"
	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/nameindex"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/session"
)

func openTestStore(t *testing.T, at Store) *store {
	t.Helper()
	s, err := at.open(t.Context(), openOptions{create: true, migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *store) mustCreate(t *testing.T, name string, at time.Time) {
	t.Helper()
	err := s.db.Write(t.Context(), func(w *session.Write) error {
		member.Create(w, testkit.Recorder(), member.Rules{}, member.Detail{User: member.User{Name: name, Gender: member.Other, Status: member.Pending}}, at)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestIdleServerWritesNothing runs the frequent tasks of a store that nobody
// writes to.
func TestIdleServerWritesNothing(t *testing.T) {
	t.Parallel()
	at := Store{Data: t.TempDir()}
	s := openTestStore(t, at)
	srv := &server{serveCmd: serveCmd{Store: at}, log: silent, store: s, dataDir: dataDir(at.Data), auditLog: testkit.AuditLog()}
	s.mustCreate(t, "Kim Bada", time.Now())
	turn := func() (sessions uint64) {
		t.Helper()
		for _, task := range srv.tasks(new(operator.Usage)) {
			if task.Every > time.Minute {
				continue
			}
			if err := task.Run(t.Context()); err != nil {
				t.Errorf("%s: %v", task.Name, err)
			}
		}
		return s.engine.(embedded).Stats().Sessions
	}
	created := s.engine.(embedded).Stats().Sessions
	before := turn()
	if before == created {
		t.Error("the first turn wrote nothing; the test shows nothing")
	}
	for range 3 {
		if after := turn(); after != before {
			t.Errorf("%d write sessions for nothing", after-before)
		}
	}
}

func TestTasksAreNamedOnce(t *testing.T) {
	t.Parallel()
	srv := &server{store: openTestStore(t, Store{Data: t.TempDir()})}
	seen := make(map[string]bool)
	for _, task := range srv.tasks(new(operator.Usage)) {
		if seen[task.Name] || task.Run == nil || task.Every <= 0 || task.Within <= 0 {
			t.Errorf("%+v is incomplete, or a second one of its name", task)
		}
		seen[task.Name] = true
	}
}

// Servers that share a database roll up at the same time, while members are
// created: nothing is counted twice or lost.
func TestServersRollUpAtOnce(t *testing.T) {
	t.Parallel()
	at := Store{Postgres: Postgres{Database: databaseURL(postgrestest.Start(t).URL())}}
	stores := []*store{openTestStore(t, at), openTestStore(t, at), openTestStore(t, at)}
	const each = 60
	now := time.Now()
	var creating, rolling sync.WaitGroup
	created := make(chan struct{})
	moved := make([]int, len(stores))
	for i, s := range stores {
		creating.Go(func() {
			for range each {
				s.mustCreate(t, "of a server", now)
			}
		})
		rolling.Go(func() {
			for done := false; !done; {
				select {
				case <-created:
					done = true // after one more time, for the last
				default:
				}
				deltas, err := counters.Rollup(t.Context(), s.db)
				names, err2 := nameindex.Update(t.Context(), s.db)
				if err := errors.Join(err, err2); err != nil {
					t.Error(err)
					return
				}
				moved[i] += deltas + names
			}
		})
	}
	creating.Wait()
	close(created)
	rolling.Wait()
	total := 0
	for i, n := range moved {
		total += n
		if n == 0 {
			t.Errorf("server %d moved nothing, so that the test shows little", i)
		}
	}
	if want := 2 * each * len(stores); total != want { // deltas, and names
		t.Errorf("moved %d deltas and names, want %d", total, want)
	}
	if left, err := counters.Rollup(t.Context(), stores[0].db); err != nil || left != 0 {
		t.Errorf("%d deltas are left, %v", left, err)
	}
	err := stores[0].db.Read(t.Context(), func(r *session.Read) error {
		differences, err := counters.Check(t.Context(), r)
		if len(differences) > 0 {
			t.Errorf("the counters differ: %v", differences)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
