package sqlite_test

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	sqlite3 "github.com/ncruces/go-sqlite3"

	"github.com/musterhq/muster/engine/sqlite"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// BenchmarkRead reports the time of a session over that of the same seven
// statements on the bare driver, in alternating rounds.
func BenchmarkRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "muster.db")
	_, db := store(b, sqlite.Options{Path: path})
	changes := []query.Change{}
	for i := range 1000 {
		changes = append(changes, note(i))
	}
	if err := add(b.Context(), db, changes...); err != nil {
		b.Fatal(err)
	}
	bare, err := sqlite3.OpenFlags(path, sqlite3.OPEN_READONLY)
	if err != nil {
		b.Fatal(err)
	}
	defer bare.Close()
	var prepared []*sqlite3.Stmt
	for _, sql := range []string{"begin", "select id, 'name' from note where id = ?1", "commit"} {
		stmt, _, err := bare.Prepare(sql)
		if err != nil {
			b.Fatal(err)
		}
		prepared = append(prepared, stmt)
	}
	q := query.Together(func(ids *[7]int) []query.Part {
		parts := make([]query.Part, 7)
		for i := range parts {
			parts[i] = query.Into(&ids[i], query.One(`select id, 'name' from note where id = $1`, func(r query.Row) (id int, err error) {
				var name string
				return id, r.Scan(&id, &name)
			}, i))
		}
		return parts
	})
	var ours, theirs time.Duration
	for b.Loop() {
		start := time.Now()
		for range 20 {
			if err := db.Read(b.Context(), func(r *session.Read) error {
				_, err := session.Run(b.Context(), r, q)
				return err
			}, session.Once); err != nil {
				b.Fatal(err)
			}
		}
		middle := time.Now()
		for range 20 {
			_ = prepared[0].Exec()
			for i := range 7 {
				_ = prepared[1].BindInt(1, i)
				for prepared[1].Step() {
					_, _ = prepared[1].ColumnInt(0), prepared[1].ColumnText(1)
				}
				_ = prepared[1].Reset()
			}
			_ = prepared[2].Exec()
		}
		ours += middle.Sub(start)
		theirs += time.Since(middle)
	}
	b.ReportMetric(ours.Seconds()/theirs.Seconds(), "x-driver")
	b.ReportMetric(float64(ours.Microseconds())/float64(b.N*20), "µs/session")
}

// BenchmarkGroupCommit reports how many times more write sessions a second 32
// writers complete with shared commits than with a commit for each.
func BenchmarkGroupCommit(b *testing.B) {
	const writers, each = 32, 10
	_, shared := store(b, sqlite.Options{})
	_, alone := store(b, sqlite.Options{GroupLimit: 1})
	id := 0
	run := func(db *session.DB) time.Duration {
		start := time.Now()
		var wg sync.WaitGroup
		for worker := range writers {
			first := id + worker*each
			wg.Go(func() {
				for i := range each {
					if err := add(b.Context(), db, note(first+i)); err != nil {
						b.Error(err)
					}
				}
			})
		}
		wg.Wait()
		id += writers * each
		return time.Since(start)
	}
	var ours, theirs time.Duration
	for b.Loop() {
		ours += run(shared)
		theirs += run(alone)
	}
	n := float64(b.N * writers * each)
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "x-alone")
	b.ReportMetric(n/ours.Seconds(), "shared/s")
	b.ReportMetric(n/theirs.Seconds(), "alone/s")
}
