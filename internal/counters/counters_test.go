package counters_test

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is the time of every test.
var now = time.Date(2026, 3, 15, 13, 37, 42, 123456000, time.UTC)

// imported are imported that allow every status and no phone.
var imported = member.Rules{Region: "KR", Zone: mustZone("Asia/Seoul"), Imported: true}

func mustZone(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return zone
}

// person is a valid new member with nothing but what is required.
func person(name string) member.Detail {
	return member.Detail{User: member.User{Name: name, Gender: member.Female, Status: member.Pending, BirthYear: new(1990)}}
}

// bundle is a store with what tests do to it.
type bundle struct {
	*testing.T
	db *session.DB
}

func setup(t *testing.T) bundle {
	t.Helper()
	b := bundle{t, testkit.Open(t)}
	b.useZone(imported.Zone)
	return b
}

func (b bundle) useZone(zone *time.Location) {
	b.Helper()
	if err := counters.UseZone(b.Context(), b.db, zone); err != nil {
		b.Fatal(err)
	}
}

func (b bundle) write(fn func(*session.Write) error) {
	b.Helper()
	if err := b.db.Write(b.Context(), fn); err != nil {
		b.Fatalf("write session: %v", err)
	}
}

func (b bundle) create(n member.Detail) (id ids.Member) {
	b.Helper()
	b.write(func(w *session.Write) error {
		id = member.Create(w, testkit.Recorder(), imported, n, now).ID
		return nil
	})
	return id
}

// checkCounters compares every counter with a recount, in one snapshot.
func (b bundle) checkCounters() {
	b.Helper()
	if diff := countersDiff(b, b.db); diff != "" {
		b.Errorf("counters differ from a recount (-recounted +counted):\n%s", diff)
	}
}

// ctx is for what runs in the middle of a property, which has no context.
var ctx = context.Background()

type fatal interface {
	Helper()
	Fatalf(string, ...any)
}

func countersDiff(t fatal, db *session.DB) string {
	t.Helper()
	var diff string
	err := db.Read(ctx, func(r *session.Read) error {
		counted, recounted, err := counters.Recount(ctx, r)
		maps.DeleteFunc(counted, func(_ string, n int64) bool { return n == 0 })
		diff = cmp.Diff(recounted, counted)
		return err
	})
	if err != nil {
		t.Fatalf("recounting: %v", err)
	}
	return diff
}

// TestCountersProperty does random changes, several at once, with rollups in
// between, and recounts after each batch.
func TestCountersProperty(t *testing.T) {
	t.Parallel()
	db := setup(t).db
	var all []ids.Member
	var mu sync.Mutex
	patches := []string{
		`{"status": "approved"}`, `{"status": "rejected"}`, `{"status": "pending"}`, `{"status": "needs_info"}`,
		`{"status": "suspended"}`, `{"gender": "male"}`, `{"gender": "other"}`, `{"name": "Another"}`,
	}
	// A change may be refused, as an illegal transition is: it then counts nothing.
	do := func(op, pick, pick2 int) {
		mu.Lock()
		var id ids.Member
		if len(all) > 0 {
			id = all[pick%len(all)]
		}
		mu.Unlock()
		_ = db.Write(ctx, func(w *session.Write) (err error) {
			switch op {
			case 0, 1:
				n := person("Someone")
				n.Gender, n.Status = member.Genders()[pick%3], member.Statuses()[pick2%5]
				n.CreatedAt = now.Add(-time.Duration(pick%100) * 11 * time.Hour)
				id := member.Create(w, testkit.Recorder(), imported, n, now).ID
				w.AfterCommit(func(context.Context) {
					mu.Lock()
					defer mu.Unlock()
					all = append(all, id)
				})
			case 2, 3:
				_, err = member.Update(ctx, w, testkit.Recorder(), imported, id, []byte(patches[pick2%len(patches)]), nil, now)
			case 4:
				_, err = member.Delete(ctx, w, testkit.Recorder(), imported, id, nil, now)
			case 5:
				_, err = member.Restore(ctx, w, testkit.Recorder(), imported, id, nil, now)
			case 6:
				list := []member.Draft{person("A").Draft(), person("B").Draft(), person("C").Draft()}
				list[0].Status, list[1].Status, list[2].Status = member.Approved, member.Pending, member.Pending
				_, err = member.CreateMany(ctx, w, imported, list, now)
			}
			return err
		})
	}
	rapid.Check(t, func(rt *rapid.T) {
		batch := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) [3]int {
			return [3]int{rapid.IntRange(0, 7).Draw(rt, "op"), rapid.IntRange(0, 9999).Draw(rt, "pick"), rapid.IntRange(0, 9999).Draw(rt, "pick2")}
		}), 1, 8).Draw(rt, "batch")
		var wg sync.WaitGroup
		for _, c := range batch {
			wg.Go(func() {
				if c[0] != 7 {
					do(c[0], c[1], c[2])
				} else if _, err := counters.Rollup(ctx, db); err != nil {
					rt.Errorf("rolling up: %v", err)
				}
			})
		}
		wg.Wait()
		if diff := countersDiff(rt, db); diff != "" {
			rt.Fatalf("counters differ from a recount (-recounted +counted):\n%s", diff)
		}
	})
	if len(all) < 50 {
		t.Errorf("only %d members were made", len(all))
	}
}

func TestRecountFindsADifference(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(person("Someone"))
	b.checkCounters()
	b.write(func(w *session.Write) error {
		w.Add(query.Exec("update member_delta set n = 2"))
		return nil
	})
	if countersDiff(b, b.db) == "" {
		t.Error("a counter that is wrong was not noticed")
	}
}

func TestUseZone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.useZone(imported.Zone) // it may be set twice
	n := person("Someone")
	n.CreatedAt = time.Date(2026, 3, 14, 15, 30, 0, 0, time.UTC) // the 15th in Seoul
	b.create(n)
	gone := b.create(n)
	b.write(func(w *session.Write) error {
		_, err := member.Delete(t.Context(), w, testkit.Recorder(), imported, gone, nil, now)
		return err
	})
	for _, c := range []struct{ zone, day string }{{"Asia/Seoul", "2026-03-15"}, {"UTC", "2026-03-14"}, {"America/New_York", "2026-03-14"}} {
		b.useZone(mustZone(c.zone))
		b.checkCounters()
		err := b.db.Read(t.Context(), func(r *session.Read) error {
			counted, _, err := counters.Recount(t.Context(), r)
			if counted["day "+c.day] != 1 {
				t.Errorf("in %s: got %v, want one member on %s", c.zone, counted, c.day)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := counters.UseZone(t.Context(), b.db, time.Local); err == nil && time.Local.String() == "Local" {
		t.Error("a zone without a name was taken")
	}
}

func TestRollupIsBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const members = 2500
	for batch := range 5 {
		b.write(func(w *session.Write) error {
			for i := range members / 5 {
				n := person(fmt.Sprintf("Number %d-%d", batch, i))
				n.Status = member.Approved
				member.Create(w, testkit.Recorder(), imported, n, now)
			}
			return nil
		})
	}
	moved, err := counters.Rollup(t.Context(), b.db)
	if err != nil || moved != members {
		t.Errorf("rolled up %d, %v; want %d deltas", moved, err, members)
	}
	if moved, err := counters.Rollup(t.Context(), b.db); err != nil || moved != 0 {
		t.Errorf("rolled up %d more, %v; want 0", moved, err)
	}
	b.checkCounters()
}
