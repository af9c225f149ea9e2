package session

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/query"
)

// DB opens sessions on an engine. It is safe for concurrent use.
type DB struct{ engine Engine }

// New returns the DB of an engine, which the caller closes after the last
// session.
func New(e Engine) *DB { return &DB{engine: e} }

// Read is an open read session: one snapshot. One goroutine uses it, inside the
// function that receives it.
type Read struct {
	conn     conn
	cost     *Cost
	first    []query.Part   // to travel with the first exchange
	pending  []query.Change // of the write session, if this is the reading side of one
	once     bool           // one gather is allowed
	asked    bool           // one exchange has started
	streamed bool           // a query.Each has received rows
	state    atomic.Uint32
}

// conn is what reading needs of a snapshot and of a transaction.
type conn interface {
	Gather(ctx context.Context, p *query.Plan) error
	Node() string
}

const (
	idle uint32 = iota
	running
	closed
)

// Option says what is known of a session before it starts. A write session takes
// only [First].
type Option func(*SnapshotOptions)

// Once is for a session that runs exactly one query or gather: the session's end
// travels with it, so that all is one round trip. A second one returns [ErrOnce].
func Once(o *SnapshotOptions) { o.Once = true }

// First has parts travel with the session's first exchange, for no round trip of
// their own. Conditions of the whole session, such as a valid token, belong here:
// their error comes before any other, that of fn included, and they run even if fn
// runs no query. In a write session they may travel with the commit and refuse it.
//
// Their destinations are zero when fn starts. They are set as far as their rows have
// come, even if the session fails: a caller who is refused is known all the same.
func First(parts ...query.Part) Option {
	return func(o *SnapshotOptions) { o.first = append(o.first, parts...) }
}

func optionsOf(options []Option) (o SnapshotOptions) {
	for _, option := range options {
		option(&o)
	}
	return o
}

// maxMoves is how many servers a read session may lose.
const maxMoves = 4

// Read calls fn with a session that sees one moment of the database, taken no
// later than its first query and not before the position in ctx (see [Track]).
// The session ends with fn; its end never delays the caller. The error is fn's,
// or says why the session could not be opened.
//
// If the server goes away, Read runs the session again on another, a bounded
// number of times, unless a [query.Each] has received rows already. So fn may run
// twice, and must set its results each time.
func (db *DB) Read(ctx context.Context, fn func(*Read) error, options ...Option) error {
	for move := 1; ; move++ {
		again, err := db.read(ctx, fn, options)
		if !errors.Is(err, ErrMoved) {
			return err
		}
		if !again || move == maxMoves || ctx.Err() != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
}

func (db *DB) read(ctx context.Context, fn func(*Read) error, options []Option) (again bool, err error) {
	cost := costOf(ctx)
	o := optionsOf(options)
	o.After = cost.seen()
	s, err := db.engine.Snapshot(ctx, o)
	if err != nil {
		return true, err
	}
	defer s.Close()
	r := &Read{conn: s, cost: cost, once: o.Once, first: o.first}
	defer r.close()
	query.Clear(o.first...)
	if err = r.ahead(ctx, fn(r)); err != nil {
		query.Settle(o.first...)
	}
	cost.reached(s.Position())
	return !r.streamed, err
}

// ahead runs the parts that are to come first, if nothing has run yet. Their error
// comes before that of the session's function.
func (r *Read) ahead(ctx context.Context, err error) error {
	if len(r.first) == 0 {
		return err
	}
	if refused := r.Gather(ctx); refused != nil {
		return refused
	}
	return err
}

// Reader is a session that can read: a [Read] or a [Write].
type Reader interface{ reader() *Read }

func (r *Read) reader() *Read { return r }

// Run runs one query in the session and returns its answer. For independent
// queries, [Read.Gather] costs one round trip where several Runs cost several.
func Run[T any](ctx context.Context, r Reader, q query.Query[T]) (T, error) {
	var answer T
	err := r.reader().Gather(ctx, query.Into(&answer, q))
	return answer, err
}

// Gather runs independent queries together: one snapshot, one round trip. Their
// destinations are set only when all succeed.
func (r *Read) Gather(ctx context.Context, parts ...query.Part) error {
	p := r.plan()
	p.Ask(parts...)
	return r.run(ctx, p)
}

// plan returns the plan of the next exchange, with the parts and changes that
// wait for it.
func (r *Read) plan() *query.Plan {
	p := query.NewPlan(r.first...)
	for _, c := range r.pending {
		p.Change(c, nil)
	}
	r.first, r.pending = nil, nil
	return p
}

func (r *Read) run(ctx context.Context, p *query.Plan) error {
	err := r.timed(func() error { return r.conn.Gather(ctx, p) })
	r.streamed = r.streamed || p.Streamed()
	if err != nil {
		return err
	}
	return p.Finish()
}

// timed guards one exchange with the engine against misuse, and adds it to the
// cost.
func (r *Read) timed(exchange func() error) error {
	if !r.state.CompareAndSwap(idle, running) {
		if r.state.Load() == closed {
			return ErrClosed
		}
		return ErrConcurrent
	}
	defer r.state.CompareAndSwap(running, idle)
	if r.once && r.asked {
		return ErrOnce
	}
	r.asked = true
	start := time.Now()
	err := exchange()
	r.cost.book(time.Since(start), r.conn.Node())
	return err
}

func (r *Read) close() { r.state.Store(closed) }

// Write is an open write session: one serialisable transaction. It sees its
// own changes. One goroutine uses it, inside the function that receives it.
type Write struct {
	*Read
	tx    Transaction
	after []func(context.Context)
}

// Add adds changes, in order. They are sent together, before the next query or
// with the commit, for no round trip of their own. When [DB.Write] returns nil,
// they have been made.
func (w *Write) Add(changes ...query.Change) { w.pending = append(w.pending, changes...) }

// Do makes the change now, after those added before it, and returns the number of
// rows that it touched.
func (w *Write) Do(ctx context.Context, c query.Change) (touched int64, err error) {
	p := w.plan()
	p.Change(c, &touched)
	err = w.run(ctx, p)
	return touched, err
}

// AfterCommit has fn called once the session is committed, before [DB.Write]
// returns, with a context that does not end with the request's. Functions are
// called in order, and only after a commit.
func (w *Write) AfterCommit(fn func(context.Context)) { w.after = append(w.after, fn) }

// Attempts and pauses of a write session that conflicts with others.
const (
	maxAttempts = 40
	firstPause  = 2 * time.Millisecond
	longestWait = 100 * time.Millisecond
)

// Write calls fn with a transaction and commits it when fn returns nil; on an
// error, a panic or a cancelled context it is rolled back. When Write returns
// nil the changes are durable.
//
// Write retries a transaction that conflicts with another, with jitter, within
// ctx's deadline and a bounded number of times. So fn may run twice: it must set
// its results each time, and have no effect except on the database and through
// [Write.AfterCommit].
func (db *DB) Write(ctx context.Context, fn func(*Write) error, options ...Option) error {
	first := optionsOf(options).first
	pause := firstPause
	for attempt := 1; ; attempt++ {
		err := db.write(ctx, fn, first)
		if attempt == maxAttempts || !errors.Is(err, ErrConflict) {
			return err
		}
		costOf(ctx).retried()
		jittered := pause/2 + rand.N(pause) //nolint:gosec // spreads load, guards nothing
		select {
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		case <-time.After(jittered):
		}
		pause = min(2*pause, longestWait)
	}
}

func (db *DB) write(ctx context.Context, fn func(*Write) error, first []query.Part) error {
	tx, err := db.engine.Transaction(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a panic; all other paths are below
	w := &Write{tx: tx, Read: &Read{conn: tx, cost: costOf(ctx), first: first}}
	defer w.close()
	query.Clear(first...)
	if err := fn(w); err != nil {
		w.pending = nil
		err = w.ahead(ctx, err)
		query.Settle(first...)
		if lost := tx.Rollback(); lost != nil {
			return lost // fn decided by what was never committed
		}
		return err
	}
	if err := w.commit(ctx); err != nil {
		query.Settle(first...)
		return err
	}
	w.close()
	for _, fn := range w.after {
		fn(context.WithoutCancel(ctx))
	}
	return nil
}

func (w *Write) commit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	p := w.plan()
	return w.timed(func() error {
		position, err := w.tx.Commit(ctx, p)
		if err == nil {
			w.cost.reached(position)
		}
		return err
	})
}
