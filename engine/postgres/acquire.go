package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/musterhq/muster/session"
)

// lease is a connection that a session has acquired.
type lease struct {
	conn
	pooled *pgxpool.Conn
	pool   *pool // in which it takes a slot
	node   *node
}

func newLease(pooled *pgxpool.Conn, n *node, p *pool) *lease {
	n.inFlight.Add(1)
	c := pooled.Conn()
	return &lease{conn: conn{c.PgConn(), c.TypeMap(), statementsOf(c.PgConn()), !n.pooled}, pooled: pooled, pool: p, node: n}
}

// acquire waits for a connection of the node, unless a probe finds it down.
func (e *Engine) acquire(ctx context.Context, n *node, p *pool) (*lease, error) {
	up := n.health().up
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for a connection: %w", context.Cause(ctx))
	case <-up.Done():
		return nil, n.lost(ctx, errDown)
	}
	pooled, err := p.acquire(ctx, up)
	switch {
	case err == nil:
		return newLease(pooled, n, p), nil
	case ctx.Err() != nil:
		err = fmt.Errorf("waiting for a connection: %w", context.Cause(ctx))
	case up.Err() != nil:
		err = n.lost(ctx, errDown)
	default:
		err = n.lost(ctx, err)
	}
	<-p.slots
	return nil, err
}

// exchange runs an exchange. The node cuts the connection when a probe finds it
// down, so that no session waits for it.
func (l *lease) exchange(ctx context.Context, x exchange) error {
	err := x.run(ctx, &l.conn)
	if err != nil && ctx.Err() == nil && l.IsClosed() && !errors.Is(err, session.ErrExpired) {
		return l.node.lost(ctx, err)
	}
	return err
}

// release rolls back what is open on the connection and releases it, without
// delaying the caller. A connection that does not answer in time is closed. The
// caller is inside the gate, so that closing the engine waits for the release.
func (e *Engine) release(l *lease) {
	l.node.inFlight.Add(-1)
	if l.IsClosed() || l.TxStatus() == 'I' {
		l.free()
		return
	}
	e.working.Go(func() {
		defer l.free()
		ctx, cancel := context.WithTimeout(context.Background(), cancelDelay)
		defer cancel()
		if _, err := l.pooled.Exec(ctx, "rollback", pgx.QueryExecModeExec); err != nil {
			_ = l.pooled.Conn().Close(ctx)
		}
	})
}

// free returns the connection to its pool, which discards one that is closed or
// busy.
func (l *lease) free() {
	l.pooled.Release()
	<-l.pool.slots
}
