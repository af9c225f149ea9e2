package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/musterhq/muster/session"
)

// gate lets sessions in until it is closed, and knows when the last has left.
// The zero value is open.
type gate struct {
	mu     sync.Mutex
	closed bool
	inside sync.WaitGroup
}

func (g *gate) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return errClosed
	}
	g.inside.Add(1)
	return nil
}

func (g *gate) leave() { g.inside.Done() }

// close waits until everybody has left.
func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.inside.Wait()
}

// errDown says why a session does not wait for a server any longer.
var errDown = fmt.Errorf("%w: the server does not answer", session.ErrUnavailable)

// lend takes a connection of the node from a pool.
func (e *Engine) lend(ctx context.Context, n *node, pool *pgxpool.Pool) (*conn, error) {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(n.alive(), cancel)()
	lent, err := pool.Acquire(waiting)
	switch {
	case err == nil:
		n.inFlight.Add(1)
		return newConn(lent, n), nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("waiting for a connection: %w", context.Cause(ctx))
	case waiting.Err() != nil:
		return nil, n.lost(ctx, errDown)
	default:
		return nil, n.lost(ctx, err)
	}
}

// lost is the error of a session that has lost its connection. It returns when
// the node was looked at, so that whoever tries again knows whether the whole
// server is gone; the idle connections are made anew, as they may be gone too.
func (n *node) lost(ctx context.Context, err error) error {
	n.readers.Reset()
	n.writers.Reset()
	if n.look().healthy {
		n.lookAgain(ctx)
	}
	return fmt.Errorf("%w: %w", session.ErrMoved, explain(context.Background(), err))
}

// exchange does an exchange; the connection is cut when the node is seen to be
// down, rather than waited for.
func (c *conn) exchange(ctx context.Context, x exchange) error {
	err := c.untilDown(func() error { return x.run(ctx, c) })
	if err != nil && ctx.Err() == nil && c.IsClosed() && !errors.Is(err, session.ErrExpired) {
		return c.node.lost(ctx, err)
	}
	return err
}

func (c *conn) untilDown(work func() error) error {
	done := make(chan struct{})
	stop := context.AfterFunc(c.node.alive(), func() {
		defer close(done)
		_ = c.Conn().SetDeadline(time.Unix(1, 0)) // long ago: whoever reads from it stops
	})
	defer func() {
		if !stop() {
			<-done
			if !c.IsClosed() {
				_ = c.Conn().SetDeadline(time.Time{}) // it answered after all
			}
		}
	}()
	return work()
}

// giveBack ends what is open on the connection, behind the caller's back, and
// gives it back; one that does not answer in time is discarded. It is called
// inside a session, so that closing the engine waits for it.
func (e *Engine) giveBack(c *conn) {
	c.node.inFlight.Add(-1)
	if c.IsClosed() || c.TxStatus() == 'I' {
		c.lent.Release() // which discards what is closed or busy
		return
	}
	e.working.Go(func() {
		defer c.lent.Release()
		ctx, cancel := context.WithTimeout(context.Background(), cancelDelay)
		defer cancel()
		if _, err := c.lent.Exec(ctx, "rollback", pgx.QueryExecModeExec); err != nil {
			_ = c.lent.Conn().Close(ctx)
		}
	})
}
