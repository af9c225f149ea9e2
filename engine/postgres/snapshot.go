package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// snapshot is a read session.
type snapshot struct {
	engine *Engine
	after  *position
	once   bool
	choice choice
	conn   *conn
	begun  bool
}

var _ session.Snapshot = (*snapshot)(nil)

// Node implements [session.Snapshot].
func (s *snapshot) Node() string {
	if s.choice.node == nil {
		return ""
	}
	return s.choice.String()
}

// maxChoices is how often a node may turn out to be behind what was seen of it.
const maxChoices = 3

// Gather implements [session.Snapshot].
func (s *snapshot) Gather(ctx context.Context, p *query.Plan) error {
	x := exchange{plan: p}
	if s.once {
		x.end = commit
	}
	if s.begun {
		return s.conn.exchange(ctx, x)
	}
	return s.open(ctx, x)
}

// open does the session's first exchange, on a node that has the position.
func (s *snapshot) open(ctx context.Context, x exchange) (err error) {
	for range maxChoices {
		if s.choice, err = s.engine.choose(ctx, s.after); err != nil {
			return err
		}
		n := s.choice.node
		if s.conn, err = s.engine.lend(ctx, n, n.readers); err != nil {
			return err
		}
		x.begin, x.guard = beginRead, nil
		if s.after != nil {
			x.guard = &guard{*s.after, n.look().history}
		}
		s.begun = true
		if err = s.conn.exchange(ctx, x); !errors.Is(err, errBehind) {
			return err
		}
		s.Close()
		s.begun = false
		if !n.look().recovering {
			return fmt.Errorf("%w: it is in the future", session.ErrPosition)
		}
	}
	return fmt.Errorf("%w: %w", session.ErrUnavailable, err)
}

// Spread implements [session.Snapshot]: the session's connection exports its
// snapshot, and those that are free import it.
func (s *snapshot) Spread(ctx context.Context, plans []*query.Plan) (bool, error) {
	if len(plans) == 0 {
		return true, nil
	}
	snapshot, err := s.export(ctx)
	if err != nil {
		return false, err
	}
	var helpers []*conn
	if snapshot != "" {
		helpers = s.recruit(ctx, len(plans)-1)
	}
	defer func() {
		for _, c := range helpers {
			s.engine.giveBack(c)
		}
	}()
	if len(helpers) == 0 {
		for _, p := range plans {
			if err := s.Gather(ctx, p); err != nil {
				return false, err
			}
		}
		return false, nil
	}
	return true, s.runAll(ctx, snapshot, helpers, plans)
}

// export names the session's snapshot for others. It is empty where the server
// cannot share one.
func (s *snapshot) export(ctx context.Context) (name string, err error) {
	p := query.NewPlan(query.Into(&name, query.Scalar[string](`select pg_export_snapshot()`)))
	if err := s.Gather(ctx, p); err != nil {
		return "", err
	}
	return name, p.Finish() //nolint:wrapcheck // of one row, which is there
}

// recruit takes connections that are free at this moment.
func (s *snapshot) recruit(ctx context.Context, most int) (list []*conn) {
	n := s.choice.node
	for _, lent := range n.readers.AcquireAllIdle(ctx) {
		if len(list) == most {
			lent.Release()
			continue
		}
		n.inFlight.Add(1)
		list = append(list, newConn(lent, n))
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
	work := func(c *conn, first exchange) {
		x := first
		for p := range next {
			x.plan = p
			if err := guarded(ctx, c, x); err != nil {
				cancel(err)
				return
			}
			x = exchange{}
		}
	}
	for _, c := range helpers {
		wg.Go(func() { work(c, exchange{begin: beginRead, adopt: snapshot}) })
	}
	wg.Go(func() { work(s.conn, exchange{}) })
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
	if s.conn != nil {
		s.engine.giveBack(s.conn)
		s.conn = nil
	}
}
