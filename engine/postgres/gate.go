package postgres

import (
	"context"
	"sync"
)

// gate lets sessions in until it is closed, and knows when the last one has
// left. The zero value is open.
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

// close waits until all sessions have left.
func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.inside.Wait()
}

// notifier tells all who wait that something has changed. The zero value is
// ready.
type notifier struct {
	mu sync.Mutex
	ch chan struct{}
}

// changed returns a channel that the next call of notify closes.
func (n *notifier) changed() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ch == nil {
		n.ch = make(chan struct{})
	}
	return n.ch
}

func (n *notifier) notify() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ch != nil {
		close(n.ch)
		n.ch = nil
	}
}

// await calls done after each notification until it returns true, and reports
// whether it did before ctx ended.
func (n *notifier) await(ctx context.Context, done func() bool) bool {
	for {
		changed := n.changed()
		if done() {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}
