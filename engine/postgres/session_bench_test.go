package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/engine/postgres"
	"github.com/musterhq/muster/engine/postgres/postgrestest"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// member is a row of the benchmark.
type member struct {
	id, a, b int
	name     string
	texts    *string
	at       time.Time
}

// BenchmarkSessions has 64 clients read a page of eight small statements each, in
// sessions of one gather. It reports the processor time of this process for one
// session, without the server's.
func BenchmarkSessions(b *testing.B) {
	const clients, members, relations = 64, 1000, 8
	server := postgrestest.Start(b)
	e := open(b, postgres.Options{Primary: server.URL()})
	db := session.New(e)
	var changes []query.Change
	for i := range relations {
		changes = append(changes,
			query.Exec(fmt.Sprintf(`create table relation_%d (id bigint primary key, a bigint not null, b int not null, name text not null, texts text, at timestamptz not null)`, i)),
			query.Exec(fmt.Sprintf(`insert into relation_%d select n, n, n, 'name of ' || n, case when n %% 2 = 0 then 'text' end, now() from generate_series(0, %d) as n`, i, members)))
	}
	for _, c := range changes {
		if err := db.Write(b.Context(), func(w *session.Write) error { w.Add(c); return nil }); err != nil {
			b.Fatal(err)
		}
	}
	relation := func(i, id int) query.Query[member] {
		return query.One(selects[i], scanMember, id)
	}
	page := func(ctx context.Context, id int) error {
		var got [relations]member
		ctx, _ = session.Track(ctx, "")
		return db.Read(ctx, func(r *session.Read) error {
			parts := make([]query.Part, relations)
			for i := range parts {
				parts[i] = query.Into(&got[i], relation(i, id))
			}
			return r.Gather(ctx, parts...)
		}, session.Once)
	}
	all := func(sessions int) {
		var left atomic.Int64
		left.Store(int64(sessions))
		var wg sync.WaitGroup
		for range clients {
			wg.Go(func() {
				ctx, cancel := context.WithCancel(b.Context()) // as that of a request
				defer cancel()
				for n := left.Add(-1); n >= 0; n = left.Add(-1) {
					if err := page(ctx, int(n)%members); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
	all(10 * clients) // prepares the texts
	b.ReportAllocs()
	b.ResetTimer()
	before := postgres.ProcessorTime(b)
	all(b.N)
	b.ReportMetric(float64((postgres.ProcessorTime(b)-before).Nanoseconds())/1000/float64(b.N), "cpu-µs/op")
}

var selects = func() (list [8]string) {
	for i := range list {
		list[i] = fmt.Sprintf(`select id, a, b, name, texts, at from relation_%d where id = $1`, i)
	}
	return list
}()

func scanMember(row query.Row) (m member, err error) {
	err = row.Scan(&m.id, &m.a, &m.b, &m.name, &m.texts, &m.at)
	return m, err
}
