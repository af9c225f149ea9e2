package session

import (
	"context"
	"sync"
	"time"
)

// Cost adds up what the sessions of one request cost, and carries the position
// that the request has seen from one session to the next. It is safe for
// concurrent use; the zero value is ready.
type Cost struct {
	mu    sync.Mutex
	spent Spent
}

// Spent is the cost so far.
type Spent struct {
	RoundTrips int           // exchanges with the database, commits included
	Database   time.Duration // time in these exchanges, waiting for a connection included
	Retries    int           // write sessions that were run again
	Node       string        // the server that answered last
	Position   Position      // of the last session that had one, or the caller's
}

type costKey struct{}

// Track returns a context whose sessions add to a new Cost and see at least the
// position.
func Track(ctx context.Context, seen Position) (context.Context, *Cost) {
	t := &tracked{Context: ctx, cost: Cost{spent: Spent{Position: seen}}}
	return t, &t.cost
}

// tracked is a context with its Cost, in one allocation.
type tracked struct {
	context.Context //nolint:containedctx // it is one
	cost            Cost
}

// Value implements [context.Context].
func (t *tracked) Value(key any) any {
	if key == (costKey{}) {
		return &t.cost
	}
	return t.Context.Value(key)
}

// Total returns what the sessions have cost until now.
func (c *Cost) Total() Spent {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.spent
}

// costOf returns the Cost that ctx carries, or nil, whose methods do nothing.
func costOf(ctx context.Context) *Cost {
	c, _ := ctx.Value(costKey{}).(*Cost)
	return c
}

func (c *Cost) update(f func(*Spent)) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.spent)
}

func (c *Cost) book(d time.Duration, node string) {
	c.update(func(s *Spent) {
		s.RoundTrips++
		s.Database += d
		s.Node = node
	})
}

// Extra adds round trips of an exchange beyond its first. Engines call it if they
// cannot send everything at once.
func Extra(ctx context.Context, trips int) {
	costOf(ctx).update(func(s *Spent) { s.RoundTrips += trips })
}

func (c *Cost) reached(p Position) {
	if p != "" {
		c.update(func(s *Spent) { s.Position = p })
	}
}

func (c *Cost) retried() { c.update(func(s *Spent) { s.Retries++ }) }

func (c *Cost) seen() (p Position) {
	c.update(func(s *Spent) { p = s.Position })
	return p
}
