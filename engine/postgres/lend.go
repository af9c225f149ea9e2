package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/musterhq/muster/session"
)

// lend takes a connection of the node from a pool.
func (e *Engine) lend(ctx context.Context, n *node, pool *pgxpool.Pool) (*conn, error) {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(n.alive(), cancel)()
	lent, err := pool.Acquire(waiting)
	if err != nil {
		if ctx.Err() == nil {
			return nil, n.lost(err)
		}
		return nil, fmt.Errorf("waiting for a connection: %w", context.Cause(ctx))
	}
	n.inFlight.Add(1)
	return newConn(lent, n), nil
}

// lost notes that the node does not answer, which is then looked into, and is
// the error of the session that found it out.
func (n *node) lost(err error) error {
	if s := n.look(); s.healthy {
		n.note(sight{err: err})
	}
	select {
	case n.hasten <- struct{}{}:
	default:
	}
	return fmt.Errorf("%w: %w", session.ErrMoved, explain(context.Background(), err))
}

// exchange does an exchange; the connection is cut when the node is seen to be
// down, rather than waited for.
func (c *conn) exchange(ctx context.Context, x exchange) error {
	cut := context.AfterFunc(c.node.alive(), func() {
		_ = c.Conn().SetDeadline(time.Unix(1, 0)) // long ago: whoever reads from it stops
	})
	err := x.run(ctx, c)
	if !cut() && err == nil {
		_ = c.Conn().SetDeadline(time.Time{}) // it answered after all
	}
	if err != nil && ctx.Err() == nil && (c.IsClosed() || c.node.alive().Err() != nil) {
		return c.node.lost(err)
	}
	return err
}

// giveBack ends what is open on the connection, behind the caller's back, and
// gives it back; one that does not answer in time is discarded.
func (e *Engine) giveBack(c *conn) {
	c.node.inFlight.Add(-1)
	if c.IsClosed() || c.TxStatus() == 'I' {
		c.lent.Release()
		return
	}
	e.working.Go(func() {
		defer c.lent.Release()
		ctx, cancel := context.WithTimeout(context.Background(), cancelDelay)
		defer cancel()
		if _, err := c.lent.Exec(ctx, "rollback", pgx.QueryExecModeExec); err != nil {
			_ = c.lent.Conn().Close(ctx) // Release discards what is closed
		}
	})
}
