package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/nameindex"
)

// The pauses of what a server does apart from requests.
const (
	foldEvery     = time.Second
	foldAnyway    = 15 * time.Second // another process may have written
	foldWithin    = 30 * time.Second // what is left is left to the next turn
	optimizeEvery = time.Hour
)

// chores fold the counters and refresh the planner's statistics, until ctx
// ends. A step that fails is tried again in its next turn. Servers that share a
// database may do them at once: a step is a transaction, and of two that fold
// the same deltas one is run again and finds them gone. The chores of the API
// are its own: see httpapi.
func (s *store) chores(ctx context.Context, log *slog.Logger) {
	fold, optimize := time.NewTicker(foldEvery), time.NewTicker(optimizeEvery)
	defer fold.Stop()
	defer optimize.Stop()
	folds := folding{store: s}
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-fold.C:
			report(ctx, log, "folding the counters", folds.turn(ctx, now))
		case <-optimize.C:
			report(ctx, log, "refreshing the planner's statistics", s.engine.optimize(ctx, false))
		}
	}
}

// folding remembers when counters were folded, so that a store to which nobody
// writes is left in peace. One goroutine uses it.
type folding struct {
	store *store
	seen  uint64 // write sessions of this process at the last fold
	last  time.Time
}

// turn folds if there may be something to fold.
func (f *folding) turn(ctx context.Context, now time.Time) error {
	if f.store.engine.written() == f.seen && now.Sub(f.last) < foldAnyway {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, foldWithin)
	defer cancel()
	if _, err := counters.Rollup(ctx, f.store.db); err != nil {
		return err
	}
	if _, err := nameindex.Update(ctx, f.store.db); err != nil {
		return err
	}
	f.seen, f.last = f.store.engine.written(), now
	return nil
}

func report(ctx context.Context, log *slog.Logger, what string, err error) {
	if err != nil && ctx.Err() == nil {
		log.Warn("a chore failed and will be tried again", "chore", what, "error", err)
	}
}
