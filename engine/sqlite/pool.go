package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/musterhq/muster/session"
)

var errClosed = fmt.Errorf("%w: it is closed", session.ErrUnavailable)

// pool lends connections, the most recently used first, because its pages are
// cached. It opens them as they are needed, up to a limit.
type pool struct {
	open   func(context.Context) (*conn, error)
	places chan struct{} // one for each connection that may be lent
	closed chan struct{} // closed when none is lent any more

	mu   sync.Mutex
	idle []*conn
}

func newPool(limit int, open func(context.Context) (*conn, error)) *pool {
	p := &pool{open: open, places: make(chan struct{}, limit), closed: make(chan struct{})}
	for range limit {
		p.places <- struct{}{}
	}
	return p
}

// take lends a connection, waiting until one is free or ctx ends.
func (p *pool) take(ctx context.Context) (*conn, error) {
	select {
	case <-p.places:
		return p.lend(ctx)
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for a connection: %w", context.Cause(ctx))
	case <-p.closed:
		return nil, errClosed
	}
}

func (p *pool) lend(ctx context.Context) (*conn, error) {
	select {
	case <-p.closed:
		p.places <- struct{}{}
		return nil, errClosed
	default:
	}
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return c, nil
	}
	p.mu.Unlock()
	c, err := p.open(ctx)
	if err != nil {
		p.places <- struct{}{}
		return nil, err
	}
	return c, nil
}

// give takes a connection back; a broken one is closed and replaced later.
func (p *pool) give(c *conn) {
	if c.broken {
		_ = c.close() // it is being thrown away
	} else {
		p.mu.Lock()
		p.idle = append(p.idle, c)
		p.mu.Unlock()
	}
	p.places <- struct{}{}
}

// close waits for the connections that are lent and closes all.
func (p *pool) close() error {
	close(p.closed)
	for range cap(p.places) {
		<-p.places
	}
	var errs []error
	for _, c := range p.idle {
		errs = append(errs, c.close())
	}
	p.idle = nil
	return errors.Join(errs...)
}
