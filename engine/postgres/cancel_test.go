package postgres_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/engine/postgres"
	"github.com/musterhq/muster/engine/postgres/postgrestest"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

func testCancel(t *testing.T, server *postgrestest.Server) {
	url := server.Database(t)
	db, _ := newNotes(t, url, postgres.Options{StatementTimeout: time.Hour})
	wantCancelled(t, db, watch(t, url))
}

func wantCancelled(t *testing.T, db *session.DB, w *watcher) {
	t.Helper()
	const asleep = `state = 'active' and query like '%pg_sleep%'`
	sleep := query.Scalar[string](`select cast(pg_sleep(3600) as text)`)
	for name, run := range map[string]func(context.Context) error{
		"read": func(ctx context.Context) error { _, err := one(ctx, db, sleep); return err },
		"write": func(ctx context.Context) error {
			return db.Write(ctx, func(w *session.Write) error { _, err := session.Run(ctx, w, sleep); return err })
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- run(ctx) }()
		soon(t, "the server runs the query", func() bool { return w.others(asleep) == 1 })
		cancel()
		start := time.Now()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want %v", name, err, context.Canceled)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("%s: the caller waited %v after hanging up", name, took)
		}
		soon(t, "the server has ended the query", func() bool { return w.others(asleep) == 0 })
	}
}

// TestHangUps does not run in parallel, because it counts goroutines.
func TestHangUps(t *testing.T) {
	const storm, workers = 10_000, 64
	url := postgrestest.Start(t).URL()
	o := postgres.Options{Readers: 48, Writers: 8}
	o.Primary = url
	var dialled atomic.Int64
	e, err := postgres.OpenDialling(t.Context(), o, func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled.Add(1)
		return new(net.Dialer).DialContext(ctx, network, address)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	db := session.New(e)
	write(t, db, query.Exec(`create table note (id bigint primary key)`))
	w := watch(t, url)
	before := runtime.NumGoroutine()

	var left, hungUp atomic.Int64
	left.Store(storm)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(10_000))*time.Microsecond)
				if err := sessionThatMayEnd(ctx, db); ctx.Err() != nil && err != nil {
					hungUp.Add(1)
				} else if err != nil {
					t.Errorf("without hanging up: %v", err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	t.Logf("%d of %d callers hung up; %d connections were opened, most to cancel a query", hungUp.Load(), storm, dialled.Load())
	if hungUp.Load() < storm/4 || dialled.Load() < storm/20 {
		t.Error("too few callers hung up, or too few in time: the test proves nothing")
	}
	soon(t, "the connections are released", func() bool { return e.Nodes()[0].Pool.InUse == 0 })
	soon(t, "the goroutines have ended", func() bool { return runtime.NumGoroutine() <= before+2 })
	soon(t, "the server runs nothing", func() bool { return w.others(`state <> 'idle'`) == 0 })
	soon(t, "the connections are those of the pool", func() bool { return w.others(`true`) <= o.Readers+o.Writers+1 })
	write(t, db, query.Exec(`delete from note`), note(1))
	if n, err := one(t.Context(), db, number(`select count(*) from note`)); err != nil || n != 1 {
		t.Errorf("%d notes afterwards, %v; want 1", n, err)
	}
}

func sessionThatMayEnd(ctx context.Context, db *session.DB) error {
	count := number(`select count(*) from note, pg_sleep($1)`, rand.Float64()/100)
	switch rand.IntN(4) {
	case 0:
		return db.Write(ctx, func(w *session.Write) error { w.Add(note(rand.Int())); return nil })
	case 1:
		return db.Read(ctx, func(r *session.Read) error {
			if _, err := session.Run(ctx, r, count); err != nil {
				return err
			}
			return r.Gather(ctx, query.Into(new(int), count), query.Into(new(int), count))
		})
	default:
		_, err := one(ctx, db, count)
		return err
	}
}
