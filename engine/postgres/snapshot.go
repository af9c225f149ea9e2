package postgres

import (
	"context"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// snapshot is a read session.
type snapshot struct {
	engine *Engine
	conn   *conn
	once   bool
	begun  bool
}

var _ session.Snapshot = (*snapshot)(nil)

// Node implements [session.Snapshot].
func (s *snapshot) Node() string {
	if s.conn == nil {
		return ""
	}
	return "primary"
}

// Gather implements [session.Snapshot].
func (s *snapshot) Gather(ctx context.Context, p *query.Plan) (err error) {
	if s.conn == nil {
		if s.conn, err = s.engine.take(ctx, s.engine.readers); err != nil {
			return err
		}
	}
	x := exchange{plan: p}
	if !s.begun {
		s.begun = true
		x.begin = beginRead
	}
	if s.once {
		x.end = commit
	}
	return x.run(ctx, s.conn)
}

// Spread implements [session.Snapshot].
func (s *snapshot) Spread(ctx context.Context, plans []*query.Plan) (bool, error) {
	for _, p := range plans {
		if err := s.Gather(ctx, p); err != nil {
			return false, err
		}
	}
	return false, nil
}

// Close implements [session.Snapshot].
func (s *snapshot) Close() {
	if s.conn != nil {
		s.engine.endLater(s.conn.lent)
	}
}
