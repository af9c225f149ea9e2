package postgres

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/musterhq/muster/engine/postgres/postgrestest"
	"github.com/musterhq/muster/query"
)

// BenchmarkQueue compares sessions that queue for a slot of a pool with sessions
// that wait in the driver's pool, and stop waiting when the server goes down: 64
// clients over 16 connections, in alternating rounds. It reports medians over the
// rounds: time and processor time without the queue over those with it.
func BenchmarkQueue(b *testing.B) {
	const clients, sessions = 64, 4000
	server := postgrestest.Start(b)
	e, err := Open(b.Context(), Options{Primary: server.URL()})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	n := e.nodes[0]
	queued := func(ctx context.Context) (*lease, error) { return e.acquire(ctx, n, n.readers) }
	unqueued := func(ctx context.Context) (*lease, error) {
		c, err := n.readers.acquireWhile(ctx, n.health().up)
		if err != nil {
			return nil, err
		}
		n.readers.slots <- struct{}{} // one is free, as there are as many as connections
		return newLease(c, n, n.readers), nil
	}
	round := func(acquire acquireFunc) (took, cpu time.Duration) {
		var left atomic.Int64
		left.Store(sessions)
		start, before := time.Now(), ProcessorTime(b)
		var wg sync.WaitGroup
		for range clients {
			wg.Go(func() {
				ctx, cancel := context.WithCancel(b.Context()) // as that of a request
				defer cancel()
				for left.Add(-1) >= 0 {
					if err := e.readPage(ctx, acquire); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		return time.Since(start), ProcessorTime(b) - before
	}
	round(queued) // prepares the texts
	var took, cpu []float64
	for b.Loop() {
		a, cpuA := round(queued)
		t, cpuT := round(unqueued)
		took = append(took, t.Seconds()/a.Seconds())
		cpu = append(cpu, cpuT.Seconds()/cpuA.Seconds())
	}
	slices.Sort(took)
	slices.Sort(cpu)
	b.ReportMetric(took[len(took)/2], "x-time")
	b.ReportMetric(cpu[len(cpu)/2], "x-cpu")
}

type acquireFunc func(context.Context) (*lease, error)

// page is the texts of a session.
var page = func() (texts [8]string) {
	for i := range texts {
		texts[i] = fmt.Sprintf(`select cast($1 as int) + %d`, i)
	}
	return texts
}()

func (e *Engine) readPage(ctx context.Context, acquire acquireFunc) error {
	l, err := acquire(ctx)
	if err != nil {
		return err
	}
	defer e.release(l)
	parts := make([]query.Part, len(page))
	for i, text := range page {
		parts[i] = query.Into(new(int), query.Scalar[int](text, i))
	}
	return l.exchange(ctx, exchange{plan: query.NewPlan(parts...)})
}

// ProcessorTime returns what this process has spent.
func ProcessorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
