package directory_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is the time of every test.
var now = time.Date(2026, 3, 15, 13, 37, 42, 123456000, time.UTC)

var korea = member.Rules{Region: "KR", Zone: mustZone("Asia/Seoul")}

func mustZone(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return zone
}

// bundle is a store with what tests do to it.
type bundle struct {
	*testing.T
	db *session.DB
}

func setup(t *testing.T) bundle {
	t.Helper()
	db := testkit.Open(t)
	if err := counters.UseZone(t.Context(), db, korea.Zone); err != nil {
		t.Fatal(err)
	}
	return bundle{t, db}
}

// person is a valid new member with nothing but what is required.
func person(name string) member.Detail {
	return member.Detail{User: member.User{Name: name, Gender: member.Female, BirthYear: new(1990)}}
}

// create makes a member as an import does, with every status allowed.
func (b bundle) create(n member.Detail) ids.Member {
	b.Helper()
	rules := korea
	rules.Imported = true
	if err := rules.Check(&n, now); err != nil {
		b.Fatalf("checking %+v: %v", n, err)
	}
	var id ids.Member
	b.write(func(w *session.Write) error {
		id = member.Create(w, testkit.Recorder(), rules, n, now).ID
		return nil
	})
	return id
}

func (b bundle) write(fn func(*session.Write) error) {
	b.Helper()
	if err := b.db.Write(b.Context(), fn); err != nil {
		b.Fatalf("write session: %v", err)
	}
}

// createMany makes members in batches that are short enough for a slow machine.
func (b bundle) createMany(rules member.Rules, list []member.Detail) {
	b.Helper()
	for batch := range slices.Chunk(list, 250) {
		b.write(func(w *session.Write) error {
			drafts := make([]member.Draft, len(batch))
			for i, d := range batch {
				drafts[i] = d.Draft()
			}
			_, err := member.CreateMany(b.Context(), w, rules, drafts, now)
			return err
		})
	}
}

// update patches a member at a time after now.
func (b bundle) update(id ids.Member, patch string, ifVersion *int64) (d member.Detail, err error) {
	b.Helper()
	err = b.db.Write(b.Context(), func(w *session.Write) error {
		d, err = member.Update(b.Context(), w, testkit.Recorder(), korea, id, []byte(patch), ifVersion, now.Add(time.Hour))
		return err
	})
	return d, err
}

type removal = func(context.Context, *session.Write, audit.Recorder, member.Rules, ids.Member, *int64, time.Time) (member.Detail, error)

func (b bundle) do(op removal, id ids.Member, ifVersion *int64) (d member.Detail, err error) {
	b.Helper()
	err = b.db.Write(b.Context(), func(w *session.Write) error {
		d, err = op(b.Context(), w, testkit.Recorder(), korea, id, ifVersion, now.Add(2*time.Hour))
		return err
	})
	return d, err
}

// trips is the number of round trips that the sessions of fn make.
func (b bundle) trips(fn func(context.Context)) int {
	ctx, cost := session.Track(b.Context(), "")
	fn(ctx)
	return cost.Total().RoundTrips
}
