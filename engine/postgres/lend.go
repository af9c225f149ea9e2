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

// pool has a place for each of its connections, for which sessions queue. That
// costs less than to wait in the driver's pool and be called away.
type pool struct {
	*pgxpool.Pool
	places chan struct{}
}

func newPool(p *pgxpool.Pool) *pool {
	return &pool{p, make(chan struct{}, p.Config().MaxConns)}
}

// lend takes a connection of the node from a pool.
func (e *Engine) lend(ctx context.Context, n *node, p *pool) (*conn, error) {
	down := n.alive()
	select {
	case p.places <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for a connection: %w", context.Cause(ctx))
	case <-down.Done():
		return nil, n.lost(ctx, errDown)
	}
	lent, err := p.acquire(ctx, down)
	switch {
	case err == nil:
		n.inFlight.Add(1)
		c := newConn(lent, n)
		c.places = p.places
		return c, nil
	case ctx.Err() != nil:
		err = fmt.Errorf("waiting for a connection: %w", context.Cause(ctx))
	case down.Err() != nil:
		err = n.lost(ctx, errDown)
	default:
		err = n.lost(ctx, err)
	}
	<-p.places
	return nil, err
}

// acquire takes a connection that is there, or makes one until the node is seen
// to be down.
func (p *pool) acquire(ctx, down context.Context) (*pgxpool.Conn, error) {
	if p.Stat().IdleConns() > 0 {
		return p.Acquire(ctx)
	}
	making, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(down, cancel)()
	return p.Acquire(making)
}

// release gives the connection back to its pool, which discards what is closed
// or busy.
func (c *conn) release() {
	c.lent.Release()
	if c.places != nil {
		<-c.places
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
		c.release()
		return
	}
	e.working.Go(func() {
		defer c.release()
		ctx, cancel := context.WithTimeout(context.Background(), cancelDelay)
		defer cancel()
		if _, err := c.lent.Exec(ctx, "rollback", pgx.QueryExecModeExec); err != nil {
			_ = c.lent.Conn().Close(ctx)
		}
	})
}
