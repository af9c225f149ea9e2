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
	conn   *conn
	begun  bool
	failed error
}

var _ session.Transaction = (*transaction)(nil)

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
	if t.conn == nil {
		if err := t.open(ctx); err != nil {
			t.failed = err
			return err
		}
	}
	if !t.begun {
		t.begun = true
		x.begin = beginWrite
	}
	err := t.conn.exchange(ctx, x)
	if errors.Is(err, session.ErrMoved) {
		err = t.lost(err, x.end == commit)
	}
	t.failed = err
	return err
}

// lost is what it means that the primary went away: before the commit, that
// nothing was written and the session can run again; with it, that nobody knows.
func (t *transaction) lost(err error, committing bool) error {
	if committing {
		return fmt.Errorf("%w: the connection was lost during the commit, which may have succeeded: %w", session.ErrUnavailable, err)
	}
	return fmt.Errorf("%w: the primary went away: %w: %w", session.ErrConflict, session.ErrUnavailable, err)
}

// open takes a connection to the primary, and waits a little for one to be
// there.
func (t *transaction) open(ctx context.Context) (err error) {
	e := t.engine
	if t.node = e.primary(); t.node == nil {
		t.node = e.await(ctx, e.options.PrimaryWait, e.primary)
	}
	if t.node == nil {
		return fmt.Errorf("%w: there is no primary", session.ErrUnavailable)
	}
	t.conn, err = e.lend(ctx, t.node, t.node.writers)
	if errors.Is(err, session.ErrMoved) {
		return t.lost(err, false)
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
	}
	var at position
	if err := t.exchange(ctx, exchange{plan: p, end: commit, final: &at}); err != nil {
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

// Rollback implements [session.Transaction]. What the transaction has read was
// committed by others before, so that its error is always nil.
func (t *transaction) Rollback() error {
	if t.conn != nil {
		t.engine.giveBack(t.conn)
		t.conn = nil
		t.failed = errors.Join(t.failed, session.ErrClosed)
	}
	return nil
}
