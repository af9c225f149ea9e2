package postgres

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// pool has a slot for each of its connections, and sessions queue for the slots
// and not in the driver's pool: a wait that ends when the server goes down costs
// two contexts there, for every session. BenchmarkQueue shows what that is worth.
type pool struct {
	*pgxpool.Pool
	slots chan struct{} // one is taken by each session that has a connection
	open  atomic.Int64  // connections
}

// openPool opens a pool that reports its connections.
func openPool(ctx context.Context, config *pgxpool.Config, opened func(*canceller) error, closed func(*canceller)) (*pool, error) {
	p := &pool{slots: make(chan struct{}, config.MaxConns)}
	config.AfterConnect = func(_ context.Context, c *pgx.Conn) error {
		if err := opened(cancellerOf(c)); err != nil {
			return err
		}
		p.open.Add(1)
		return nil
	}
	config.BeforeClose = func(c *pgx.Conn) {
		p.open.Add(-1)
		closed(cancellerOf(c))
	}
	var err error
	if p.Pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("opening the pool: %w", explain(ctx, err))
	}
	return p, nil
}

// acquire returns an idle connection, or opens one unless up ends first. The
// caller has taken a slot.
func (p *pool) acquire(ctx, up context.Context) (*pgxpool.Conn, error) {
	if p.open.Load() >= int64(len(p.slots)) && up.Err() == nil { // one for each session that has a slot
		return p.Acquire(ctx)
	}
	return p.acquireWhile(ctx, up)
}

// acquireWhile returns a connection as the driver's pool does, unless up ends
// first.
func (p *pool) acquireWhile(ctx, up context.Context) (*pgxpool.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(up, cancel)()
	return p.Acquire(ctx)
}
