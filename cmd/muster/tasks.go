package main

import (
	"context"
	"time"

	"github.com/musterhq/muster/internal/audit"
	"github.com/musterhq/muster/internal/counters"
	"github.com/musterhq/muster/internal/idempotency"
	"github.com/musterhq/muster/internal/nameindex"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/worker"
	"github.com/musterhq/muster/session"
)

// turnLimit is how long a turn of a frequent task may take.
const turnLimit = 30 * time.Second

// newRunner returns the runner of the server's background tasks. The servers of
// one PostgreSQL database elect a leader.
func (s *server) newRunner(used *operator.Usage, observe func(worker.Turn)) *worker.Runner {
	r := &worker.Runner{Tasks: s.tasks(used), Log: s.log, Observe: observe}
	if s.Database != "" {
		r.Lease = worker.NewLease(s.store.db, nil)
	}
	return r
}

// tasks are what the server does apart from requests.
func (s *server) tasks(used *operator.Usage) []worker.Task {
	db := s.store.db
	sealer := &audit.Sealer{Log: s.auditLog, DB: db, Logger: s.log}
	if s.dataDir != "" {
		sealer.Head.Path = s.dataDir.auditHead()
	}
	return []worker.Task{
		{Name: "rollup_counters", Every: time.Second, Within: turnLimit, Leader: true, Run: on(db, counters.Rollup)},
		{Name: "index_names", Every: time.Second, Within: turnLimit, Leader: true, Run: on(db, nameindex.Update)},
		{Name: "seal_audit_log", Every: time.Second, Within: turnLimit, Leader: true, Run: sealer.Seal, Follow: sealer.KeepHead, AtEnd: true},
		{Name: "note_token_usage", Every: time.Minute, Within: turnLimit, AtEnd: true, Run: func(ctx context.Context) error { return used.Flush(ctx, db) }},
		{Name: "sweep_idempotency_keys", Every: 10 * time.Minute, Within: 5 * time.Minute, Leader: true, Run: func(ctx context.Context) error {
			_, err := idempotency.Sweep(ctx, db, time.Now())
			return err
		}},
		{Name: "optimize_database", Every: time.Hour, Within: 30 * time.Minute, Leader: true, Run: func(ctx context.Context) error {
			return s.store.engine.optimize(ctx, false)
		}},
	}
}

// on is the turn of work that counts what it has done, which nobody asks here.
func on(db *session.DB, work func(context.Context, *session.DB) (int, error)) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := work(ctx, db)
		return err
	}
}
