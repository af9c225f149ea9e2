package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	sqlite3 "github.com/ncruces/go-sqlite3"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// writer owns the one connection that writes. Its goroutine takes transactions
// from the queue and serves each to its end. Those that succeed one after the
// other form a group, which is committed, with one disk sync, when no other
// waits or the group is full or old.
type writer struct {
	conn    *conn
	options Options

	queue *queue
	done  chan struct{} // closed when the goroutine has ended

	group    []*transaction // served, waiting for the commit
	dirty    bool           // the connection is inside a transaction
	walPages int            // in the log since the last checkpoint
	bound    *bound         // of the transaction being served

	sessions, commits atomic.Uint64
}

// checkpointPages is the length of the log, in pages, at which it is copied
// into the database: 16 MiB, so that an import rewrites a page less often.
const checkpointPages = 4096

func newWriter(c *conn, o Options) *writer {
	w := &writer{
		conn: c, options: o,
		queue: newQueue(o.QueueLimit),
		done:  make(chan struct{}),
		bound: newBound(o.WriteLimit),
	}
	c.db.WALHook(func(_ *sqlite3.Conn, _ string, pages int) error {
		w.walPages = pages
		return nil
	})
	go w.loop()
	return w
}

// close serves the jobs that are queued and closes the connection.
func (w *writer) close() error {
	w.queue.stop()
	<-w.done
	return w.conn.close()
}

func (w *writer) loop() {
	defer close(w.done)
	for {
		select {
		case j := <-w.queue.jobs:
			w.serveGroup(j)
		case <-w.queue.closed: // jobs queued before are still served
			for j, more := w.queue.next(); more; j, more = w.queue.next() {
				w.serveGroup(j)
			}
			return
		}
	}
}

// serveGroup serves a job and those that wait behind it, then commits.
func (w *writer) serveGroup(j job) {
	start := time.Now()
	for more := true; more; {
		if j.alone != nil {
			w.commit()
			j.alone()
		} else {
			w.serve(j.tx)
		}
		if len(w.group) >= w.options.GroupLimit || time.Since(start) > w.options.GroupAge {
			break
		}
		j, more = w.waiting()
	}
	w.commit()
	w.checkpoint()
}

// waiting returns the next job of the queue, if any. It lets sessions that are ready
// submit theirs first: if commits are fast, this goroutine and the one that it has
// just served would otherwise keep the others from the processor.
func (w *writer) waiting() (job, bool) {
	if j, ok := w.queue.next(); ok {
		return j, true
	}
	runtime.Gosched()
	return w.queue.next()
}

// alone runs fn with the connection, outside any transaction.
func (w *writer) alone(ctx context.Context, fn func(*conn) error) error {
	done := make(chan error, 1)
	err := w.queue.submit(ctx, job{alone: func() { done <- fn(w.conn) }})
	if err != nil {
		return err
	}
	return <-done
}

// serve lets one transaction use the connection until it has committed, rolled
// back, failed or outlived its bound.
func (w *writer) serve(t *transaction) {
	if !t.state.CompareAndSwap(queued, served) {
		return // its session did not wait
	}
	t.follows = len(w.group) > 0
	ctx, cancel := context.WithCancelCause(t.ctx)
	defer cancel(nil)
	w.bound.begin(cancel)
	defer w.bound.end()
	c := <-t.calls // it was sent before the transaction was queued
	if err := w.begin(ctx, t, c); err != nil {
		w.drop(t, err)
		return
	}
	for !w.answer(ctx, t, c) {
		select {
		case c = <-t.calls:
		case <-ctx.Done():
			w.drop(t, context.Cause(ctx))
			return
		}
	}
}

// begin opens the group's transaction. One that follows in the group gets a
// savepoint, which costs a copy of every page changed after it, unless its only plan
// can be refused only before it writes.
func (w *writer) begin(ctx context.Context, t *transaction, first call) error {
	if t.follows {
		t.before = w.conn.changes
		if first.last && refusedAtOnce(first.plan) {
			return nil
		}
		t.saved = true
		return w.conn.do(ctx, "savepoint session")
	}
	if err := w.conn.do(ctx, "begin immediate"); err != nil {
		return err
	}
	w.dirty = true
	return nil
}

// refusedAtOnce reports whether a plan that is refused, by what it declares, has
// changed nothing until then.
func refusedAtOnce(p *query.Plan) bool {
	changed := false
	for i := range p.Steps {
		step := &p.Steps[i]
		if changed && step.Refusable() {
			return false
		}
		changed = changed || !step.Reads()
	}
	return true
}

// answer runs a session's call and reports whether it was the last.
func (w *writer) answer(ctx context.Context, t *transaction, c call) (last bool) {
	err := w.run(ctx, t, c)
	switch {
	case err != nil:
		w.drop(t, err)
	case c.last:
		w.keep(t)
	default:
		c.reply <- nil
		return false
	}
	return true
}

// keep adds the transaction to the group.
func (w *writer) keep(t *transaction) {
	if t.saved {
		if err := w.conn.do(context.Background(), "release session"); err != nil {
			w.drop(t, err)
			return
		}
	}
	w.group = append(w.group, t)
}

// run runs a plan. Its functions belong to the session: a panic in one continues
// in the session's goroutine and must not end this one.
func (w *writer) run(ctx context.Context, t *transaction, c call) error {
	if c.plan == nil {
		return errRolledBack
	}
	if c.ctx != t.ctx { // the exchange has a context of its own
		narrow, cancel := context.WithCancelCause(ctx)
		defer context.AfterFunc(c.ctx, func() { cancel(context.Cause(c.ctx)) })()
		ctx = narrow
	}
	return guarded(func() error {
		if err := w.conn.run(ctx, c.plan); err != nil || !c.last {
			return err
		}
		return c.plan.Finish()
	})
}

// drop undoes the transaction and leaves the group as it was. Some errors of a
// statement make SQLite roll back everything: then the group is lost, and its
// sessions run again.
func (w *writer) drop(t *transaction, err error) {
	t.failed = err
	close(t.dropped)
	switch {
	case t.follows && w.conn.db.GetAutocommit():
		w.lose(fmt.Errorf("%w: the group was rolled back", session.ErrConflict))
	case t.saved:
		if w.conn.exec(context.Background(), "rollback to session; release session") != nil {
			w.lose(fmt.Errorf("%w: a session of the group could not be rolled back", session.ErrConflict))
		}
	case t.follows:
		if w.conn.changes != t.before { // contrary to refusedAtOnce
			w.lose(fmt.Errorf("%w: a session of the group has to be rolled back", session.ErrConflict))
		}
	default:
		w.conn.rollback()
		w.dirty = false
	}
	if len(w.group) > 0 {
		w.group = append(w.group, t) // what it read holds only if the group commits
	} else {
		t.finish(nil)
	}
}

// lose ends the group without its changes.
func (w *writer) lose(err error) {
	w.conn.rollback()
	w.dirty = false
	for _, t := range w.group {
		t.finish(err)
	}
	w.group = w.group[:0]
}

// commit makes the group durable and acknowledges its sessions.
func (w *writer) commit() {
	if !w.dirty {
		return
	}
	if err := w.conn.do(context.Background(), "commit"); err != nil {
		w.lose(err)
		return
	}
	w.dirty = false
	w.commits.Add(1)
	for _, t := range w.group {
		if t.failed == nil {
			w.sessions.Add(1)
		}
		t.finish(nil)
	}
	clear(w.group)
	w.group = w.group[:0]
}

// checkpoint copies a long log into the database, up to what readers still need.
func (w *writer) checkpoint() {
	if w.walPages < checkpointPages {
		return
	}
	w.conn.db.SetInterrupt(context.Background())
	_, _, err := w.conn.db.WALCheckpoint("main", sqlite3.CHECKPOINT_PASSIVE)
	if err == nil || !errors.Is(err, sqlite3.BUSY) {
		w.walPages = 0 // the next commit reports how long the log still is
	}
}
