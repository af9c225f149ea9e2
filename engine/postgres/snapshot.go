package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// snapshot is a read session.
type snapshot struct {
	engine *Engine
	after  *position
	once   bool
	closed bool
	choice choice
	conn   *conn // nil until the first exchange
	failed error // what ended the session before its time
	at     position
}

var _ session.Snapshot = (*snapshot)(nil)

// Node implements [session.Snapshot].
func (s *snapshot) Node() string {
	if s.choice.node == nil {
		return ""
	}
	return s.choice.String()
}

// Position implements [session.Snapshot]. It was read after the snapshot was
// taken. Where there is one server, no read can go back.
func (s *snapshot) Position() session.Position {
	if s.at == (position{}) {
		return ""
	}
	return s.at.encode()
}

// maxChoices is how often a node may turn out not to be what was seen of it.
const maxChoices = 4

// Gather implements [session.Snapshot].
func (s *snapshot) Gather(ctx context.Context, p *query.Plan) error {
	x := exchange{plan: p}
	switch {
	case s.failed != nil:
		return s.failed
	case s.conn != nil:
		return s.exchange(ctx, x)
	default:
		return s.open(ctx, x)
	}
}

// exchange does an exchange of the open session. What leaves the connection
// without the session's transaction ends the session: what it would ask next
// were of another moment.
func (s *snapshot) exchange(ctx context.Context, x exchange) error {
	err := s.conn.exchange(ctx, x)
	if err == nil {
		return nil
	}
	if errors.Is(err, session.ErrConflict) { // of a replica: the session is in the way of its replaying
		err = fmt.Errorf("%w: the replica had to cancel it to go on", session.ErrMoved)
	}
	if s.conn.IsClosed() || s.conn.TxStatus() != 'T' {
		s.failed = err
	}
	return err
}

// open does the session's first exchange, on a node that has the position.
func (s *snapshot) open(ctx context.Context, x exchange) (err error) {
	if len(s.engine.nodes) > 1 {
		x.final = &s.at
	}
	for range maxChoices {
		if s.choice, err = s.engine.choose(ctx, s.after); err != nil {
			return err
		}
		n := s.choice.node
		if s.conn, err = s.engine.lend(ctx, n, n.readers); err != nil {
			return err
		}
		seen := n.look()
		x.open, x.end, x.guard = n.reading, "", nil
		switch {
		case s.once && n.pooled:
			x.end = commit
		case s.once: // the pipeline is a transaction by itself, as the connection's are: see readSettings
			x.open = nil
		}
		if s.after != nil {
			x.guard = &guard{*s.after, seen.history}
		}
		switch err = s.exchange(ctx, x); {
		case err == nil:
			n.learn(s.at)
			return nil
		case errors.Is(err, errBehind) && !seen.recovering:
			return fmt.Errorf("%w: it is in the future", session.ErrPosition)
		case !errors.Is(err, errBehind) && !errors.Is(err, errForked):
			return err
		}
		s.giveBack()
		session.Extra(ctx, 1)
		n.lookAgain(ctx)
	}
	return fmt.Errorf("%w: %w", session.ErrUnavailable, err)
}

// giveBack makes the session as it was before its first exchange.
func (s *snapshot) giveBack() {
	s.engine.giveBack(s.conn)
	s.conn, s.failed = nil, nil
}

// Close implements [session.Snapshot].
func (s *snapshot) Close() {
	if s.closed {
		return
	}
	s.closed = true
	if s.conn != nil {
		s.giveBack()
	}
	s.engine.gate.leave()
}
