package sqlite

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/musterhq/muster/query"
)

// Spread implements [session.Snapshot]. The snapshot is shared if this is the
// session's first exchange and a second connection is free: while the writer's
// lock is held, so that no process can commit, each connection begins and reads
// once. A snapshot that is open already cannot be given to others on SQLite.
func (s *snapshot) Spread(ctx context.Context, plans []*query.Plan) (bool, error) {
	if err := s.take(ctx); err != nil {
		return false, err
	}
	conns := []*conn{s.conn}
	if !s.begun {
		conns = s.recruit(ctx, conns, len(plans))
		defer s.dismiss(conns[1:])
	}
	if len(conns) == 1 {
		return false, s.inTurn(ctx, plans)
	}
	if err := s.share(ctx, conns); err != nil {
		return false, err
	}
	return true, runAll(ctx, conns, plans)
}

// recruit adds the connections that are free now, up to one for each plan.
func (s *snapshot) recruit(ctx context.Context, conns []*conn, plans int) []*conn {
	for len(conns) < plans {
		c := s.engine.readers.spare(ctx)
		if c == nil {
			break
		}
		conns = append(conns, c)
	}
	return conns
}

func (s *snapshot) dismiss(conns []*conn) {
	for _, c := range conns {
		c.rollback()
		s.engine.readers.give(c)
	}
}

// inTurn runs the plans one after the other on the session's connection.
func (s *snapshot) inTurn(ctx context.Context, plans []*query.Plan) error {
	for _, p := range plans {
		if err := s.Gather(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// share has the connections begin at the same moment.
func (s *snapshot) share(ctx context.Context, conns []*conn) error {
	s.begun = true
	return s.engine.writer.alone(ctx, func(lock *conn) error {
		defer lock.rollback()
		if err := lock.do(ctx, "begin immediate"); err != nil {
			return err
		}
		for _, c := range conns {
			if err := c.do(ctx, "begin"); err != nil {
				return err
			}
			if err := c.do(ctx, "select 1 from sqlite_schema limit 1"); err != nil {
				return err
			}
		}
		return nil
	})
}

// runAll runs the plans, each connection taking the next one when it is done
// with the last. The first error ends all; a panic goes on in the caller.
func runAll(ctx context.Context, conns []*conn, plans []*query.Plan) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for _, c := range conns {
		wg.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(plans) && ctx.Err() == nil; i = next.Add(1) - 1 {
				if err := guarded(func() error { return c.run(ctx, plans[i]) }); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return rethrow(context.Cause(ctx))
}

// guarded runs fn, with a panic of the plan's functions as an error.
func guarded(fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{value: v}
		}
	}()
	return fn()
}
