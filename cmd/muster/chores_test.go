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
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

func openTestStore(t *testing.T, at Store) *store {
	t.Helper()
	s, err := at.open(t.Context(), opening{begin: true, upgrade: true})
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

func (s *store) deltas(t *testing.T) (n int) {
	t.Helper()
	err := s.db.Read(t.Context(), func(r *session.Read) (err error) {
		n, err = session.Run(t.Context(), r, query.Scalar[int]("select count(*) from member_delta"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestFoldingTurns(t *testing.T) {
	t.Parallel()
	at := Store{Data: t.TempDir()}
	s, other := openTestStore(t, at), openTestStore(t, at)
	now := time.Now()
	turns := folding{store: s}
	turn := func(at time.Time) {
		t.Helper()
		if err := turns.turn(t.Context(), at); err != nil {
			t.Fatal(err)
		}
	}
	turn(now)

	s.mustCreate(t, "of this process", now)
	if got := s.deltas(t); got != 1 {
		t.Fatalf("got %d deltas of a new member, want 1", got)
	}
	turn(now.Add(foldEvery))
	if got := s.deltas(t); got != 0 {
		t.Errorf("got %d deltas after a turn, want 0", got)
	}

	other.mustCreate(t, "of another process", now)
	turn(now.Add(2 * foldEvery))
	if got := s.deltas(t); got != 1 {
		t.Errorf("got %d deltas while this process wrote nothing, want that they wait", got)
	}
	turn(now.Add(foldEvery + foldAnyway))
	if got := s.deltas(t); got != 0 {
		t.Errorf("got %d deltas of another process after %s, want 0", got, foldAnyway)
	}
}

// Servers that share a database fold at once, while members are made: nothing is
// counted twice or lost.
func TestServersFoldAtOnce(t *testing.T) {
	t.Parallel()
	at := Store{Postgres: Postgres{Database: databaseURL(postgrestest.Start(t).URL())}}
	stores := []*store{openTestStore(t, at), openTestStore(t, at), openTestStore(t, at)}
	const each = 60
	now := time.Now()
	var making, folding sync.WaitGroup
	made := make(chan struct{})
	folded := make([]int, len(stores))
	for i, s := range stores {
		making.Go(func() {
			for range each {
				s.mustCreate(t, "of a server", now)
			}
		})
		folding.Go(func() {
			for done := false; !done; {
				select {
				case <-made:
					done = true // and once more, for the last
				default:
				}
				deltas, err := counters.Rollup(t.Context(), s.db)
				names, err2 := nameindex.Update(t.Context(), s.db)
				if err := errors.Join(err, err2); err != nil {
					t.Error(err)
					return
				}
				folded[i] += deltas + names
			}
		})
	}
	making.Wait()
	close(made)
	folding.Wait()
	total := 0
	for i, n := range folded {
		total += n
		if n == 0 {
			t.Errorf("server %d folded nothing, so that the test shows little", i)
		}
	}
	if want := 2 * each * len(stores); total != want { // deltas, and names
		t.Errorf("folded %d deltas and names, want %d", total, want)
	}
	if got := stores[0].deltas(t); got != 0 {
		t.Errorf("%d deltas are left", got)
	}
	found, err := stores[0].check(t.Context(), nil)
	if err != nil || len(found.Counters) > 0 {
		t.Errorf("got %v, %v; want that the counters agree", found.Counters, err)
	}
}
