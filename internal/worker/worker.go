package worker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Task is work that a server repeats. Two turns of a task never overlap in one
// process.
type Task struct {
	Name   string                      // in the log and in metrics
	Every  time.Duration               // between two turns; the first one comes after it
	Within time.Duration               // the limit of a turn; the next turn continues the work
	Leader bool                        // Run on one server of a database only; see [Lease]
	Run    func(context.Context) error // one turn
	Follow func(context.Context) error // the turn of a server that does not lead; nil: nothing
	AtEnd  bool                        // Run one more time when the server stops, whether it leads or not
}

// Turn is a finished run of a task.
type Turn struct {
	Task string
	End  time.Time
	Took time.Duration
	Err  error // nil if it succeeded
}

// endWithin limits all the runs at the end together.
const endWithin = 10 * time.Second

// Runner runs tasks. Its fields are set before Run and not changed after.
type Runner struct {
	Tasks   []Task
	Lease   *Lease // decides who leads; nil: this server does
	Log     *slog.Logger
	Observe func(Turn) // called after each turn, from several goroutines; may be nil
}

// Run runs the tasks until ctx is done. It then waits for the turns in progress,
// which see their context cancelled, runs the tasks marked AtEnd in their order,
// and releases the lease. A turn that fails is logged; the task runs again at its
// next turn. No goroutine outlives Run.
func (r *Runner) Run(ctx context.Context) {
	var loops sync.WaitGroup
	if r.Lease != nil {
		loops.Go(func() { r.Lease.keep(ctx, r.Log) })
	}
	for _, t := range r.Tasks {
		loops.Go(func() { r.repeat(ctx, t) })
	}
	loops.Wait()
	r.finish(context.WithoutCancel(ctx))
}

func (r *Runner) repeat(ctx context.Context, t Task) {
	tick := time.NewTicker(t.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			run := t.Run
			if t.Leader && !r.leads() {
				run = t.Follow
			}
			if run != nil {
				r.turn(ctx, &t, run)
			}
		}
	}
}

// leads reports whether this server runs the tasks of the leader.
func (r *Runner) leads() bool { return r.Lease == nil || r.Lease.Held() }

// turn runs the task once. A turn that the end of the server cuts short has not
// failed.
func (r *Runner) turn(ctx context.Context, t *Task, run func(context.Context) error) {
	limited, cancel := context.WithTimeout(ctx, t.Within)
	defer cancel()
	start := time.Now()
	err := run(limited)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	end := time.Now()
	if err != nil {
		r.Log.LogAttrs(ctx, slog.LevelWarn, "a background task failed; it runs again at its next turn",
			slog.String("task", t.Name), slog.Any("error", err))
	}
	if r.Observe != nil {
		r.Observe(Turn{Task: t.Name, End: end, Took: end.Sub(start), Err: err})
	}
}

func (r *Runner) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, endWithin)
	defer cancel()
	for _, t := range r.Tasks {
		if t.AtEnd {
			r.turn(ctx, &t, t.Run)
		}
	}
	if r.Lease != nil {
		r.Lease.release(ctx, r.Log)
	}
}
