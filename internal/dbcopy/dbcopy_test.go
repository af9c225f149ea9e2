package dbcopy_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/dbcopy"
	"github.com/musterhq/muster/internal/demo"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const members = 2500

// filled is a store with members, and with names that are not in the index yet.
func filled(t *testing.T) *session.DB {
	t.Helper()
	db := testkit.Open(t)
	rules := member.Rules{Zone: time.UTC}
	if err := counters.UseZone(t.Context(), db, time.UTC); err != nil {
		t.Fatal(err)
	}
	err := demo.Fill(t.Context(), db, nil, demo.Options{By: testkit.Recorder(), Members: members, Seed: 1, Now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func copied(t *testing.T, from, to *session.DB) dbcopy.Report {
	t.Helper()
	report, err := dbcopy.Copy(t.Context(), from, to, dbcopy.Options{Source: "here"})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// sums are how many rows were inserted and removed.
func sums(r dbcopy.Report) (inserted, removed int64) {
	for _, t := range r.Tables {
		inserted += t.Inserted
		removed += t.Removed
	}
	return inserted, removed
}

func change(t *testing.T, db *session.DB, changes ...query.Change) {
	t.Helper()
	err := db.Write(t.Context(), func(w *session.Write) error { w.Add(changes...); return nil })
	if err != nil {
		t.Fatal(err)
	}
}

func TestCopy(t *testing.T) {
	t.Parallel()
	source, target := filled(t), testkit.Open(t)
	report := copied(t, source, target)
	i := slices.IndexFunc(report.Tables, func(t dbcopy.Table) bool { return t.Name == "users" })
	if users := report.Tables[i]; users.Rows != members || users.Inserted != members || users.Removed != 0 {
		t.Errorf("got %+v, want %d users", users, members)
	}
	again := copied(t, source, target)
	if inserted, removed := sums(again); inserted != 0 || removed != 0 {
		t.Errorf("the second copy inserted %d and removed %d rows, want none", inserted, removed)
	}
	for i, table := range again.Tables {
		if table.Digest != report.Tables[i].Digest {
			t.Errorf("%s has another digest", table.Name)
		}
	}
}

// TestCopyBringsOver changes the source behind the first copy, also so that a
// value moves from one member to another.
func TestCopyBringsOver(t *testing.T) {
	t.Parallel()
	source, target := filled(t), testkit.Open(t)
	copied(t, source, target)
	change(t, source,
		query.Exec("update users set phone = '+821055550000' where phone = (select min(phone) from users)"),
		query.Exec("update users set phone = (select '+821055550001'), name = 'Moved' where phone = (select max(phone) from users)"),
		query.Exec("update users set phone = '+821055550002' where phone = '+821055550000'"),
		query.Exec("update users set phone = '+821055550000' where phone = '+821055550001'"),
		query.Exec("delete from profile where member_id = (select member_id from profile order by member_id limit 1)"),
		query.Exec("insert into setting (key, value) values ('later', 'x')"))
	report := copied(t, source, target)
	if inserted, removed := sums(report); inserted == 0 || removed == 0 || removed > 100 {
		t.Errorf("%d rows were inserted and %d removed, want a few", inserted, removed)
	}
}

func TestCopyGoesOn(t *testing.T) {
	t.Parallel()
	source, target := filled(t), testkit.Open(t)
	ctx, stop := context.WithCancel(t.Context())
	_, err := dbcopy.Copy(ctx, source, target, dbcopy.Options{Source: "here", Progress: func(p dbcopy.Progress) {
		if p.Table == "profile" {
			stop()
		}
	}})
	if !errors.Is(err, dbcopy.ErrInterrupted) {
		t.Fatalf("got %v, want %v", err, dbcopy.ErrInterrupted)
	}
	report := copied(t, source, target)
	if users := report.Tables[0]; users.Name != "users" || users.Inserted != 0 || users.Rows != members {
		t.Errorf("what was there was copied again: %+v", users)
	}
}

func TestCopyRefuses(t *testing.T) {
	t.Parallel()
	source := testkit.Open(t)
	change(t, source, query.Exec("insert into setting (key, value) values ('a', 'b')"))
	for name, prepare := range map[string]func(*session.DB){
		"a target that is in use": func(db *session.DB) {
			change(t, db, query.Exec("insert into setting (key, value) values ('time_zone', 'UTC')"))
		},
		"the copy of another": func(db *session.DB) {
			if _, err := dbcopy.Copy(t.Context(), source, db, dbcopy.Options{Source: "elsewhere"}); err != nil {
				t.Fatal(err)
			}
		},
		"a copy that is in use": func(db *session.DB) {
			copied(t, source, db)
			if err := dbcopy.Settle(t.Context(), db); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := testkit.Open(t)
			prepare(target)
			if _, err := dbcopy.Copy(t.Context(), source, target, dbcopy.Options{Source: "here"}); !errors.Is(err, dbcopy.ErrNotEmpty) {
				t.Errorf("got %v, want %v", err, dbcopy.ErrNotEmpty)
			}
		})
	}
}

// TestCopyFindsDifferences writes to the target while it is verified.
func TestCopyFindsDifferences(t *testing.T) {
	t.Parallel()
	source, target := filled(t), testkit.Open(t)
	done := false
	_, err := dbcopy.Copy(t.Context(), source, target, dbcopy.Options{Source: "here", Progress: func(p dbcopy.Progress) {
		if p.Table == "users" && !p.Verifying && p.Done == p.All && !done {
			done = true
			change(t, target, query.Exec("update users set name = 'Somebody else' where id = (select id from users order by id desc limit 1)"))
		}
	}})
	if !errors.Is(err, dbcopy.ErrDiffers) {
		t.Errorf("got %v, want %v", err, dbcopy.ErrDiffers)
	}
}

// TestEveryColumnIsCopied holds the list of tables against the schema.
func TestEveryColumnIsCopied(t *testing.T) {
	t.Parallel()
	type column struct{ Table, Name string }
	db, _ := testkit.OpenFile(t) // a test of the schema holds the other's to be the same
	var stored []column
	err := db.Read(t.Context(), func(r *session.Read) (err error) {
		stored, err = session.Run(t.Context(), r, query.Many(`
			select t.name, c.name from pragma_table_list t cross join pragma_table_info(t.name) c
			where t.schema = 'main' and t.type = 'table' and t.name not like 'sqlite_%' and t.name not like 'goose%' and t.name <> 'lease'
			order by t.name, c.name`,
			func(r query.Row) (c column, err error) { return c, r.Scan(&c.Table, &c.Name) }))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var listed []column
	for _, c := range dbcopy.Columns() {
		listed = append(listed, column{c[0], c[1]})
	}
	slices.SortFunc(listed, func(a, b column) int { return slices.Compare([]string{a.Table, a.Name}, []string{b.Table, b.Name}) })
	if diff := cmp.Diff(stored, listed); diff != "" || len(stored) == 0 {
		t.Errorf("(-schema +list):\n%s", diff)
	}
}
