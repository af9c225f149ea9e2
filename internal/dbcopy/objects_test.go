package dbcopy_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/blob/dir"
	"github.com/musterhq/muster/internal/dbcopy"
	"github.com/musterhq/muster/internal/demo"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

func folder(t *testing.T) *dir.Store {
	t.Helper()
	s, err := dir.New(dir.Config{Folder: filepath.Join(t.TempDir(), "media"), Secrets: [][]byte{make([]byte, 32)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestCopyObjects(t *testing.T) {
	t.Parallel()
	db, source, target := testkit.Open(t), folder(t), folder(t)
	err := demo.Fill(t.Context(), db, source, demo.Options{
		By:      testkit.Recorder(),
		Members: 30, Media: 10, Seed: 1, Now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Rules: member.Rules{Zone: time.UTC},
	})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ask(t, db, query.Many("select s3_key from photos union all select s3_key from documents order by s3_key",
		func(r query.Row) (s string, err error) { return s, r.Scan(&s) }))
	if err != nil || len(keys) < 3 {
		t.Fatal(keys, err)
	}
	if err := source.Delete(t.Context(), keys[0]); err != nil {
		t.Fatal(err)
	}
	if err := source.Put(t.Context(), keys[1], 3, strings.NewReader("bad")); err != nil {
		t.Fatal(err)
	}
	rest := int64(len(keys) - 2)
	for _, want := range []dbcopy.Objects{
		{Copied: rest, Missing: keys[:1], Damaged: keys[1:2]},
		{Present: rest, Missing: keys[:1], Damaged: keys[1:2]},
	} {
		var last int64
		got, err := dbcopy.CopyObjects(t.Context(), db, source, target, func(done int64) { last = done })
		if err != nil || last != int64(len(keys)) || (got.Bytes > 0) != (want.Copied > 0) {
			t.Fatalf("got %+v after %d objects, %v", got, last, err)
		}
		got.Bytes = 0
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func ask[T any](t *testing.T, db *session.DB, q query.Query[T]) (answer T, err error) {
	t.Helper()
	err = db.Read(t.Context(), func(r *session.Read) (err error) {
		answer, err = session.Run(t.Context(), r, q)
		return err
	})
	return answer, err
}
