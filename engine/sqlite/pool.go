package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// pool keeps connections open. It prefers the one used last, because its pages
// are cached, and opens more as they are needed, up to a limit.
type pool struct {
	open   func(context.Context) (*conn, error)
	slots  chan struct{} // one for each connection that may be acquired
	closed chan struct{} // closed when none may be acquired any more

	mu   sync.Mutex
	idle []*conn
}

func newPool(limit int, open func(context.Context) (*conn, error)) *pool {
	p := &pool{open: open, slots: make(chan struct{}, limit), closed: make(chan struct{})}
	for range limit {
		p.slots <- struct{}{}
	}
	return p
}

// acquire returns a connection, waiting until one is free or ctx ends.
func (p *pool) acquire(ctx context.Context) (*conn, error) {
	select {
	case <-p.slots:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for a connection: %w", context.Cause(ctx))
	case <-p.closed:
		return nil, errClosed
	}
	c, err := p.next(ctx)
	if err != nil {
		p.slots <- struct{}{}
		return nil, err
	}
	return c, nil
}

// next returns the connection used last, or a new one. The caller has a slot.
func (p *pool) next(ctx context.Context) (*conn, error) {
	select {
	case <-p.closed:
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
	return p.open(ctx)
}

// release takes back a connection. A broken one is closed and replaced later.
func (p *pool) release(c *conn) {
	if c.broken {
		_ = c.close() // nobody uses it again
	} else {
		p.mu.Lock()
		p.idle = append(p.idle, c)
		p.mu.Unlock()
	}
	p.slots <- struct{}{}
}

// close waits for the connections in use and closes all.
func (p *pool) close() error {
	close(p.closed)
	for range cap(p.slots) {
		<-p.slots
	}
	var errs []error
	for _, c := range p.idle {
		errs = append(errs, c.close())
	}
	p.idle = nil
	return errors.Join(errs...)
}
