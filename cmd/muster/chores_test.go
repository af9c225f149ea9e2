package main

import (
	"testing"
	"time"

	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

func openTestStore(t *testing.T, f folder) *store {
	t.Helper()
	s, err := f.open(t.Context(), true)
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
		member.Create(w, member.Rules{}, member.New{Name: name, Gender: member.Other, Status: member.Pending}, at)
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
	f := folder(t.TempDir())
	s, other := openTestStore(t, f), openTestStore(t, f)
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
