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
	lease  *lease // nil until the first exchange
	failed error  // what ended the session before its time
	at     position
}

var _ session.Snapshot = (*snapshot)(nil)

// Snapshot implements [session.Engine]. The first plan chooses the node and
// acquires the connection.
func (e *Engine) Snapshot(_ context.Context, o session.SnapshotOptions) (session.Snapshot, error) {
	s := &snapshot{engine: e, once: o.Once}
	if o.After != "" {
		after, err := decodePosition(o.After)
		if err != nil {
			return nil, err
		}
		s.after = &after
	}
	if err := e.gate.enter(); err != nil {
		return nil, err
	}
	return s, nil
}

// Node implements [session.Snapshot].
func (s *snapshot) Node() string {
	if s.choice.node == nil {
		return ""
	}
	return s.choice.String()
}

// Position implements [session.Snapshot]. It was read after the snapshot was
// taken. With one server, no read can go back.
func (s *snapshot) Position() session.Position {
	if s.at == (position{}) {
		return ""
	}
	return s.at.encode()
}

// maxChoices is how often a node may turn out to differ from its last probe.
const maxChoices = 4

// Gather implements [session.Snapshot].
func (s *snapshot) Gather(ctx context.Context, p *query.Plan) error {
	x := exchange{plan: p}
	switch {
	case s.failed != nil:
		return s.failed
	case s.lease != nil:
		return s.exchange(ctx, x)
	default:
		return s.open(ctx, x)
	}
}

// exchange runs an exchange of the open session. An error that leaves the
// connection without the session's transaction ends the session: its next query
// would see another moment.
func (s *snapshot) exchange(ctx context.Context, x exchange) error {
	err := s.lease.exchange(ctx, x)
	if err == nil {
		return nil
	}
	if errors.Is(err, session.ErrConflict) { // of a replica: the session blocks its replay
		err = fmt.Errorf("%w: the replica had to cancel it to go on", session.ErrMoved)
	}
	if s.lease.IsClosed() || s.lease.TxStatus() != 'T' {
		s.failed = err
	}
	return err
}

// open runs the session's first exchange, on a node that has the position.
func (s *snapshot) open(ctx context.Context, x exchange) (err error) {
	if len(s.engine.nodes) > 1 {
		x.final = &s.at
	}
	for range maxChoices {
		if s.choice, err = s.engine.choose(ctx, s.after); err != nil {
			return err
		}
		n := s.choice.node
		if s.lease, err = s.engine.acquire(ctx, n, n.readers); err != nil {
			return err
		}
		h := n.health()
		x.open, x.end, x.guard = n.reading, "", nil
		switch {
		case s.once && n.pooled:
			x.end = commit
		case s.once: // the pipeline is one transaction with the defaults of the connection: see readSettings
			x.open = nil
		}
		if s.after != nil {
			x.guard = &guard{*s.after, h.history}
		}
		switch err = s.exchange(ctx, x); {
		case err == nil:
			n.advance(s.at)
			return nil
		case errors.Is(err, errBehind) && !h.recovering:
			return fmt.Errorf("%w: it is in the future", session.ErrPosition)
		case !errors.Is(err, errBehind) && !errors.Is(err, errForked):
			return err
		}
		s.release()
		session.Extra(ctx, 1)
		n.awaitProbe(ctx)
	}
	return fmt.Errorf("%w: %w", session.ErrUnavailable, err)
}

// release restores the session's state of before its first exchange.
func (s *snapshot) release() {
	s.engine.release(s.lease)
	s.lease, s.failed = nil, nil
}

// Close implements [session.Snapshot].
func (s *snapshot) Close() {
	if s.closed {
		return
	}
	s.closed = true
	if s.lease != nil {
		s.release()
	}
	s.engine.gate.leave()
}
