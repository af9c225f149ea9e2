package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

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
// costs less than to wait in the driver's pool and be called away. Whoever has a
// connection stands in a place.
type pool struct {
	*pgxpool.Pool
	places chan struct{}
	open   atomic.Int64 // connections that there are
}

// openPool opens one whose connections the node knows.
func (n *node) openPool(ctx context.Context, config *pgxpool.Config) (*pool, error) {
	p := &pool{places: make(chan struct{}, config.MaxConns)}
	config.AfterConnect = func(_ context.Context, c *pgx.Conn) error {
		if err := n.join(cancellerOf(c)); err != nil {
			return err
		}
		p.open.Add(1)
		return nil
	}
	config.BeforeClose = func(c *pgx.Conn) {
		p.open.Add(-1)
		n.leave(cancellerOf(c))
	}
	var err error
	if p.Pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("opening the pool: %w", explain(ctx, err))
	}
	return p, nil
}

// lend takes a connection of the node from a pool.
func (e *Engine) lend(ctx context.Context, n *node, p *pool) (*conn, error) {
	down := n.look().up
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
		return newConn(lent, n, p), nil
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
// to be down. The caller stands in a place.
func (p *pool) acquire(ctx, down context.Context) (*pgxpool.Conn, error) {
	if p.open.Load() >= int64(len(p.places)) && down.Err() == nil { // one for each of the others, and one more
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
	<-c.places
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

// exchange does an exchange. The node cuts the connection when it is seen to be
// down, so that nobody waits for it.
func (c *conn) exchange(ctx context.Context, x exchange) error {
	err := x.run(ctx, c)
	if err != nil && ctx.Err() == nil && c.IsClosed() && !errors.Is(err, session.ErrExpired) {
		return c.node.lost(ctx, err)
	}
	return err
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
