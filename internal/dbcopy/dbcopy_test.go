package dbcopy_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

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

// filled returns a store with members, some of whose names are not in the index yet.
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

// sums returns how many rows were inserted and removed.
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

// TestCopyAgain changes the source after the first copy, and moves a unique value
// from one member to another.
func TestCopyAgain(t *testing.T) {
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

func TestCopyContinues(t *testing.T) {
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
		t.Errorf("rows were copied again: %+v", users)
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

// TestCopyFollowsTheSchema copies tables and columns that no code names.
func TestCopyFollowsTheSchema(t *testing.T) {
	t.Parallel()
	source, target := filled(t), testkit.Open(t)
	for _, db := range []*session.DB{source, target} {
		change(t, db,
			query.Exec("alter table profile add column copied_note text"),
			query.Exec("create table copied_thing (name text not null, rank bigint, share double precision)"),
			query.Exec("create unique index copied_thing_key on copied_thing (rank, name)"),
			query.Exec("create unique index copied_thing_name on copied_thing (name)"),
			query.Exec("create table copied_child (n integer not null primary key, copied_thing text not null references copied_thing (name), detail bytea)"))
	}
	change(t, source,
		query.Exec("update profile set copied_note = 'onwards'"),
		query.Exec("insert into copied_thing (name, rank, share) values ('gold', 1, 0.25), ('tin', null, null)"),
		query.Exec("insert into copied_child (n, copied_thing, detail) values (1, 'gold', $1), (2, 'tin', $2), (3, 'tin', null)", []byte{}, []byte("x")))
	rows := map[string]int64{}
	for _, table := range copied(t, source, target).Tables {
		rows[table.Name] = table.Inserted
	}
	if rows["copied_thing"] != 2 || rows["copied_child"] != 3 || rows["profile"] == 0 {
		t.Errorf("got %v", rows)
	}
	for text, want := range map[string]int{
		"select count(*) from profile where copied_note = 'onwards'":                                  int(rows["profile"]),
		"select count(*) from copied_thing where name = 'gold' and rank = 1 and share = 0.25":         1,
		"select count(*) from copied_thing where name = 'tin' and rank is null and share is null":     1,
		"select count(*) from copied_child where n = 1 and detail is not null and length(detail) = 0": 1,
		"select count(*) from copied_child where copied_thing = 'tin' and (detail is null or n = 2)":  2,
	} {
		if got, err := ask(t, target, query.Scalar[int](text)); err != nil || got != want {
			t.Errorf("%s: got %d, %v, want %d", text, got, err, want)
		}
	}
}

func TestCopyRefusesSchemas(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source, target, says string
	}{
		"a table that the target lacks":  {"create table copied_thing (name text not null primary key)", "", "different tables"},
		"a table that the source lacks":  {"", "create table copied_thing (name text not null primary key)", "different tables"},
		"a column that the target lacks": {"alter table profile add column copied_note text", "", "different tables"},
		"a column of another type":       {"alter table profile add column copied_note text", "alter table profile add column copied_note integer", "different tables"},
		"a table without a key":          {"create table copied_thing (name text)", "create table copied_thing (name text)", "no key"},
		"a key with NULL":                {"create table copied_thing (name text unique)", "create table copied_thing (name text unique)", "no key"},
		"a type that nobody knows":       {"create table copied_thing (name numeric not null primary key)", "create table copied_thing (name numeric not null primary key)", "unknown type numeric"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, target := testkit.Open(t), testkit.Open(t)
			for db, text := range map[*session.DB]string{source: c.source, target: c.target} {
				if text != "" {
					change(t, db, query.Exec(text))
				}
			}
			_, err := dbcopy.Copy(t.Context(), source, target, dbcopy.Options{Source: "here"})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want an error that says %q", err, c.says)
			}
		})
	}
}
