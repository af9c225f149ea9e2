package postgres

import (
	"context"
	"errors"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// transaction is a write session.
type transaction struct {
	engine *Engine
	conn   *conn
	begun  bool
	failed error
	ended  bool
}

var _ session.Transaction = (*transaction)(nil)

// Node implements [session.Transaction].
func (t *transaction) Node() string {
	if t.conn == nil {
		return ""
	}
	return "primary"
}

// Gather implements [session.Transaction].
func (t *transaction) Gather(ctx context.Context, p *query.Plan) error {
	return t.exchange(ctx, exchange{plan: p})
}

func (t *transaction) exchange(ctx context.Context, x exchange) (err error) {
	if t.failed != nil {
		return t.failed
	}
	if t.conn == nil {
		if t.conn, err = t.engine.take(ctx, t.engine.writers); err != nil {
			return err
		}
	}
	if !t.begun {
		t.begun = true
		x.begin = beginWrite
	}
	t.failed = x.run(ctx, t.conn)
	return t.failed
}

// Commit implements [session.Transaction]. Changes whose outcome may refuse the
// commit cost a round trip of their own.
func (t *transaction) Commit(ctx context.Context, p *query.Plan) (session.Position, error) {
	if !t.begun && len(p.Steps) == 0 {
		return "", nil
	}
	if checked(p) {
		if err := t.Gather(ctx, p); err != nil {
			return "", err
		}
		p = query.NewPlan()
	}
	var at position
	if err := t.exchange(ctx, exchange{plan: p, end: commit, final: &at}); err != nil {
		return "", err
	}
	t.ended = true
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
		t.engine.endLater(t.conn.lent)
		t.conn = nil
		t.failed = errors.Join(t.failed, session.ErrClosed)
	}
	return nil
}
