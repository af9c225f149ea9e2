package sessiontest

import (
	"context"
	"sync/atomic"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Counter is an engine that counts what passes through it to another. It is
// safe for concurrent use.
type Counter struct {
	session.Engine
	trips        atomic.Int64
	snapshots    atomic.Int64
	transactions atomic.Int64
}

// Count wraps an engine.
func Count(e session.Engine) *Counter { return &Counter{Engine: e} }

// Trips returns the number of exchanges since the last call.
func (c *Counter) Trips() int64 { return c.trips.Swap(0) }

// Open returns the number of open sessions.
func (c *Counter) Open() int64 { return c.snapshots.Load() + c.transactions.Load() }

// Snapshot implements [session.Engine].
func (c *Counter) Snapshot(ctx context.Context, o session.SnapshotOptions) (session.Snapshot, error) {
	s, err := c.Engine.Snapshot(ctx, o)
	if err != nil {
		return nil, err
	}
	c.snapshots.Add(1)
	return &countedSnapshot{s, c}, nil
}

// Transaction implements [session.Engine].
func (c *Counter) Transaction(ctx context.Context) (session.Transaction, error) {
	t, err := c.Engine.Transaction(ctx)
	if err != nil {
		return nil, err
	}
	c.transactions.Add(1)
	return &countedTransaction{Transaction: t, c: c}, nil
}

type countedSnapshot struct {
	session.Snapshot
	c *Counter
}

func (s *countedSnapshot) Gather(ctx context.Context, p *query.Plan) error {
	s.c.trips.Add(1)
	return s.Snapshot.Gather(ctx, p)
}

func (s *countedSnapshot) Close() {
	s.Snapshot.Close()
	s.c.snapshots.Add(-1)
}

type countedTransaction struct {
	session.Transaction
	c     *Counter
	ended bool
}

func (t *countedTransaction) Gather(ctx context.Context, p *query.Plan) error {
	t.c.trips.Add(1)
	return t.Transaction.Gather(ctx, p)
}

func (t *countedTransaction) Commit(ctx context.Context, p *query.Plan) (session.Position, error) {
	t.c.trips.Add(1)
	return t.Transaction.Commit(ctx, p)
}

func (t *countedTransaction) Rollback() error {
	if !t.ended { // it is called after a commit, too
		t.ended = true
		t.c.transactions.Add(-1)
	}
	return t.Transaction.Rollback()
}
