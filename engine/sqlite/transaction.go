package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// node is the name of the one server.
const node = "sqlite"

// errRolledBack ends a transaction that its session rolls back.
var errRolledBack = errors.New("sqlite: rolled back")

// queue holds the jobs that wait for the writer.
type queue struct {
	jobs   chan job
	closed chan struct{} // closed when no job is taken any more
	once   sync.Once
}

// job is what the writer does next: serve a transaction, or run a function that
// needs the connection outside any.
type job struct {
	tx    *transaction
	alone func()
}

func newQueue(limit int) *queue {
	return &queue{jobs: make(chan job, limit), closed: make(chan struct{})}
}

// submit queues a job, waiting while the queue is full.
func (q *queue) submit(ctx context.Context, j job) error {
	select {
	case <-q.closed:
		return errClosed
	default:
	}
	select {
	case q.jobs <- j:
		return nil
	case <-q.closed:
		return errClosed
	case <-ctx.Done():
		return fmt.Errorf("waiting for the writer: %w", context.Cause(ctx))
	}
}

// next returns the next job, if one waits.
func (q *queue) next() (job, bool) {
	select {
	case j := <-q.jobs:
		return j, true
	default:
		return job{}, false
	}
}

// stop has the queue take no more jobs.
func (q *queue) stop() { q.once.Do(func() { close(q.closed) }) }

// transaction is a session's side of its turn with the writer.
type transaction struct {
	queue *queue
	ctx   context.Context //nolint:containedctx // the session's, which ends after this does
	calls chan call       // of the session, one at a time
	state atomic.Uint32

	follows bool          // others in the group were served before it
	saved   bool          // it has a savepoint among them
	before  uint64        // changes made before it
	failed  error         // set before dropped is closed
	dropped chan struct{} // closed when the writer stops serving it, without commit
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

func newTransaction(ctx context.Context, q *queue) *transaction {
	return &transaction{
		queue: q, ctx: ctx,
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
	if err := t.call(ctx, c); err != nil {
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
	select { // ctx ends for the writer as well, which answers
	case err := <-c.reply:
		return rethrow(err)
	case <-t.dropped:
		return rethrow(t.failed)
	}
}

// Commit implements [session.Transaction]. Once the writer serves the
// transaction, its outcome is known when the group ends, even if ctx has ended.
func (t *transaction) Commit(ctx context.Context, p *query.Plan) (session.Position, error) {
	if t.state.Load() == fresh && len(p.Steps) == 0 {
		return "", nil
	}
	if err := t.call(ctx, call{ctx: ctx, plan: p, last: true, reply: make(chan error, 1)}); err != nil {
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
	default: // a commit is waiting already, or the writer takes no more calls
	}
	<-t.ended
	return t.lost
}

// call hands a call to the writer, and before the first one the transaction.
func (t *transaction) call(ctx context.Context, c call) error {
	if t.state.Load() == fresh {
		t.calls <- c // the first to fill a buffer of one: it does not wait
		t.state.Store(queued)
		if err := t.queue.submit(ctx, job{tx: t}); err != nil {
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

// abandon gives up the turn, unless it has started.
func (t *transaction) abandon() bool { return t.state.CompareAndSwap(queued, abandoned) }

func (t *transaction) finish(lost error) {
	t.lost = lost
	close(t.ended)
}

// panicked carries a panic of a session's function from the writer's goroutine
// to the session's.
type panicked struct{ value any }

func (p *panicked) Error() string { return fmt.Sprintf("panic in a row function: %v", p.value) }

// guarded calls fn and returns a panic as an error.
func guarded(fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{value: v}
		}
	}()
	return fn()
}

// rethrow continues a panic that happened on the writer's goroutine.
func rethrow(err error) error {
	if p, ok := errors.AsType[*panicked](err); ok {
		panic(p.value)
	}
	return err
}
