package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// errRolledBack is how a transaction ends that its session gave up.
var errRolledBack = errors.New("sqlite: rolled back")

// panicked carries a panic of a session's function to the session's goroutine.
type panicked struct{ value any }

func (p *panicked) Error() string { return fmt.Sprintf("panic in a row function: %v", p.value) }

// transaction is a session's side of its turn with the writer.
type transaction struct {
	writer *writer
	ctx    context.Context //nolint:containedctx // the session's, which ends before this does
	calls  chan call       // what the session asks for, one at a time
	state  atomic.Uint32

	follows bool          // others in the group were served before it
	saved   bool          // it has a savepoint among them
	before  uint64        // changes made before it
	failed  error         // set before dropped is closed
	dropped chan struct{} // closed when the writer serves it no longer, without commit
	lost    error         // set before ended is closed
	ended   chan struct{} // closed when the group is committed or lost
}

// call is one exchange: a plan to run, or nil to roll back.
type call struct {
	ctx   context.Context //nolint:containedctx // of this exchange
	plan  *query.Plan
	last  bool // commit after the plan
	reply chan error
}

const (
	fresh  uint32 = iota // not submitted
	queued               // submitted, not yet served
	served
	abandoned // its session did not wait for its turn
)

var _ session.Transaction = (*transaction)(nil)

func newTransaction(ctx context.Context, w *writer) *transaction {
	return &transaction{
		writer: w, ctx: ctx,
		calls:   make(chan call, 1),
		dropped: make(chan struct{}),
		ended:   make(chan struct{}),
	}
}

// Node implements [session.Transaction].
func (t *transaction) Node() string { return node }

// Gather implements [session.Transaction].
func (t *transaction) Gather(ctx context.Context, p *query.Plan) error {
	c := call{ctx: ctx, plan: p, reply: make(chan error, 1)}
	if err := t.ask(ctx, c); err != nil {
		return err
	}
	select {
	case err := <-c.reply:
		return rethrow(err)
	case <-t.dropped:
		return rethrow(t.failed)
	case <-ctx.Done():
		if t.abandon() {
			return fmt.Errorf("waiting for the writer: %w", context.Cause(ctx))
		}
	}
	select { // the writer sees the end of ctx as well, and answers
	case err := <-c.reply:
		return rethrow(err)
	case <-t.dropped:
		return rethrow(t.failed)
	}
}

// Commit implements [session.Transaction]. Once the writer serves it, how it
// went is known when the group ends, whatever becomes of ctx.
func (t *transaction) Commit(ctx context.Context, p *query.Plan) (session.Position, error) {
	if t.state.Load() == fresh && len(p.Steps) == 0 {
		return "", nil
	}
	if err := t.ask(ctx, call{ctx: ctx, plan: p, last: true, reply: make(chan error, 1)}); err != nil {
		return "", err
	}
	select {
	case <-t.ended:
	case <-ctx.Done():
		if t.abandon() {
			return "", fmt.Errorf("waiting for the writer: %w", context.Cause(ctx))
		}
		<-t.ended
	}
	if t.lost != nil {
		return "", t.lost
	}
	return "", rethrow(t.failed)
}

// Rollback implements [session.Transaction].
func (t *transaction) Rollback() error {
	if t.state.Load() == fresh || t.abandon() || t.state.Load() == abandoned {
		return nil
	}
	select {
	case t.calls <- call{ctx: context.Background(), reply: make(chan error, 1)}:
	default: // a commit is there already, or nobody takes calls any more
	}
	<-t.ended
	return t.lost
}

// ask hands a call to the writer, and before the first one the transaction.
func (t *transaction) ask(ctx context.Context, c call) error {
	if t.state.Load() == fresh {
		t.calls <- c // the first to fill a buffer of one: it does not wait
		t.state.Store(queued)
		if err := t.writer.submit(ctx, job{tx: t}); err != nil {
			t.state.Store(abandoned)
			return err
		}
		return nil
	}
	select {
	case t.calls <- c:
		return nil
	case <-t.dropped:
		return rethrow(t.failed)
	}
}

// abandon gives up the turn, if it has not come yet.
func (t *transaction) abandon() bool { return t.state.CompareAndSwap(queued, abandoned) }

func (t *transaction) finish(lost error) {
	t.lost = lost
	close(t.ended)
}

// rethrow goes on with a panic that happened on the writer's goroutine.
func rethrow(err error) error {
	if p, ok := errors.AsType[*panicked](err); ok {
		panic(p.value)
	}
	return err
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
