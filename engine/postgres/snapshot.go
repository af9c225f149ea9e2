package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

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

// Spread implements [session.Snapshot]: the session's connection exports its
// snapshot, and those that are free import it.
func (s *snapshot) Spread(ctx context.Context, plans []*query.Plan) (bool, error) {
	if len(plans) == 0 {
		return true, nil
	}
	if s.engine.unshared.Load() {
		return false, s.oneByOne(ctx, plans)
	}
	snapshot, err := s.export(ctx)
	if err != nil {
		return false, err
	}
	helpers := s.recruit(ctx, len(plans)-1)
	defer func() {
		for _, c := range helpers {
			s.engine.giveBack(c)
		}
	}()
	if len(helpers) == 0 {
		return false, s.oneByOne(ctx, plans)
	}
	s.failed = s.runAll(ctx, snapshot, helpers, plans)
	return true, s.failed
}

func (s *snapshot) oneByOne(ctx context.Context, plans []*query.Plan) error {
	for _, p := range plans {
		if err := s.Gather(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// export names the session's snapshot for others. Where the server turns out
// not to share one, the session has to be run again: the refusal has ended its
// transaction.
func (s *snapshot) export(ctx context.Context) (name string, err error) {
	p := query.NewPlan(query.Into(&name, query.Scalar[string](`select pg_export_snapshot()`)))
	if err = s.Gather(ctx, p); err == nil {
		return name, p.Finish() //nolint:wrapcheck // of one row, which is there
	}
	if refused, ok := errors.AsType[*refusal](err); ok && cannot(refused.Code) {
		s.engine.unshared.Store(true)
		err = fmt.Errorf("%w: the server cannot share a snapshot", session.ErrMoved)
	}
	return "", err
}

// cannot reports whether a SQLSTATE says that a server lacks something, or that
// the account may not use it.
func cannot(code string) bool {
	return strings.HasPrefix(code, "0A") || strings.HasPrefix(code, "42") || strings.HasPrefix(code, "55")
}

// recruit takes connections that are free at this moment.
func (s *snapshot) recruit(ctx context.Context, most int) (list []*conn) {
	n := s.choice.node
	for _, lent := range n.readers.AcquireAllIdle(ctx) {
		if len(list) < most && n.readers.tryPlace() {
			list = append(list, newConn(lent, n, n.readers))
		} else {
			lent.Release()
		}
	}
	return list
}

// runAll runs the plans, each connection taking the next one when it is done
// with the last. The first error ends all; a panic goes on in the caller.
func (s *snapshot) runAll(ctx context.Context, snapshot string, helpers []*conn, plans []*query.Plan) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan *query.Plan, len(plans))
	for _, p := range plans {
		next <- p
	}
	close(next)
	var wg sync.WaitGroup
	work := func(c *conn, open ...string) {
		for p := range next {
			if err := guarded(ctx, c, exchange{open: open, plan: p}); err != nil {
				cancel(err)
				return
			}
			open = nil
		}
	}
	for _, c := range helpers {
		wg.Go(func() { work(c, beginRead, adopt(snapshot)) })
	}
	wg.Go(func() { work(s.conn) })
	wg.Wait()
	return rethrow(context.Cause(ctx))
}

// panicked carries a panic of a row function to the session's goroutine.
type panicked struct{ value any }

func (p *panicked) Error() string { return fmt.Sprintf("panic in a row function: %v", p.value) }

func guarded(ctx context.Context, c *conn, x exchange) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{v}
		}
	}()
	return c.exchange(ctx, x)
}

func rethrow(err error) error {
	if p, ok := errors.AsType[*panicked](err); ok {
		panic(p.value)
	}
	return err
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
