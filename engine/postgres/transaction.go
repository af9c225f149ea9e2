package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// transaction is a write session.
type transaction struct {
	engine *Engine
	node   *node
	lease  *lease // nil until the first exchange
	begun  bool
	closed bool
	failed error
}

var _ session.Transaction = (*transaction)(nil)

// Transaction implements [session.Engine]. The first plan acquires the
// connection.
func (e *Engine) Transaction(context.Context) (session.Transaction, error) {
	if err := e.gate.enter(); err != nil {
		return nil, err
	}
	return &transaction{engine: e}, nil
}

// Node implements [session.Transaction].
func (t *transaction) Node() string {
	if t.node == nil {
		return ""
	}
	return t.node.name
}

// Gather implements [session.Transaction].
func (t *transaction) Gather(ctx context.Context, p *query.Plan) error {
	return t.exchange(ctx, exchange{plan: p})
}

func (t *transaction) exchange(ctx context.Context, x exchange) error {
	if t.failed != nil {
		return t.failed
	}
	if t.lease == nil {
		if err := t.open(ctx); err != nil {
			t.failed = err
			return err
		}
	}
	if !t.begun {
		t.begun = true
		x.open = t.node.writing
	}
	err := t.lease.exchange(ctx, x)
	switch {
	case errors.Is(err, session.ErrExpired): // the server ended it earlier
	case err != nil && x.end == commit && t.lease.IsClosed():
		err = fmt.Errorf("%w: the connection was lost during the commit, which may have succeeded: %w", session.ErrUnavailable, err)
	case errors.Is(err, session.ErrMoved):
		err = lostBefore(err)
	}
	t.failed = err
	return err
}

// lostBefore returns the error for a primary that went away before the commit:
// nothing was written, and the session can run again.
func lostBefore(err error) error {
	return fmt.Errorf("%w: the primary went away: %w: %w", session.ErrConflict, session.ErrUnavailable, err)
}

// open acquires a connection to the primary, and waits a little for a primary.
func (t *transaction) open(ctx context.Context) (err error) {
	e := t.engine
	if t.node = e.primary(); t.node == nil {
		t.node = e.awaitNode(ctx, e.options.PrimaryWait, e.primary)
	}
	if t.node == nil {
		return fmt.Errorf("%w: there is no primary%s", session.ErrUnavailable, e.problem())
	}
	t.lease, err = e.acquire(ctx, t.node, t.node.writers)
	if errors.Is(err, session.ErrMoved) {
		return lostBefore(err)
	}
	return err
}

// Commit implements [session.Transaction]. Steps whose outcome may refuse the
// commit cost a round trip of their own.
func (t *transaction) Commit(ctx context.Context, p *query.Plan) (session.Position, error) {
	if !t.begun && t.failed == nil && len(p.Steps) == 0 {
		return "", nil
	}
	if checked(p) {
		if err := t.Gather(ctx, p); err != nil {
			return "", err
		}
		if t.failed = p.Finish(); t.failed != nil {
			return "", t.failed
		}
		p = query.NewPlan()
		session.Extra(ctx, 1)
	}
	return t.commit(ctx, p)
}

func (t *transaction) commit(ctx context.Context, p *query.Plan) (session.Position, error) {
	var at position
	var ended bool
	err := t.exchange(ctx, exchange{plan: p, end: commit, ended: &ended, final: &at})
	switch {
	case ended && t.lease.unconfirmed():
		return "", fmt.Errorf("%w: the commit is on the primary alone: no replica has confirmed it in time", session.ErrUnavailable)
	case ended && err != nil && !t.lease.IsClosed(): // the caller is gone, and only reading the position failed
		t.failed = nil
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelDelay)
		defer cancel()
		err = t.exchange(ctx, exchange{plan: query.NewPlan(), final: &at})
	}
	if err != nil {
		return "", err
	}
	return at.encode(), nil
}

func checked(p *query.Plan) bool {
	for i := range p.Steps {
		if p.Steps[i].Checked() {
			return true
		}
	}
	return false
}

// Rollback implements [session.Transaction]. Its error is always nil,
// because what the transaction has read was committed by others before.
func (t *transaction) Rollback() error {
	if t.closed {
		return nil
	}
	t.closed = true
	t.failed = errors.Join(t.failed, session.ErrClosed)
	if t.lease != nil {
		t.engine.release(t.lease)
		t.lease = nil
	}
	t.engine.gate.leave()
	return nil
}
