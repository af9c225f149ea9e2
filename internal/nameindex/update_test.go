package nameindex_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/nameindex"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

func TestUpdateIsBounded(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t)
	const batches, members = 5, 500
	now := time.Date(2026, 3, 15, 13, 37, 42, 0, time.UTC)
	for batch := range batches {
		err := db.Write(t.Context(), func(w *session.Write) error {
			for i := range members {
				n := member.Detail{User: member.User{Name: fmt.Sprintf("Number %d-%d", batch, i), Gender: member.Female, Status: member.Pending, BirthYear: new(1990)}}
				member.Create(w, testkit.Recorder(), member.Rules{}, n, now)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []int{batches * members, 0} {
		if moved, err := nameindex.Update(t.Context(), db); err != nil || moved != want {
			t.Errorf("indexed %d, %v; want %d", moved, err, want)
		}
	}
	err := db.Read(t.Context(), func(r *session.Read) error {
		left, err := session.Run(t.Context(), r, query.Scalar[int]("select count(*) from member_unindexed"))
		if left != 0 {
			t.Errorf("%d members still wait", left)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
