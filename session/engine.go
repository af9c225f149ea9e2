package session

import (
	"context"
	"errors"

	"github.com/musterhq/muster/query"
)

// Errors of sessions and engines. An engine wraps its driver's error with the one
// that fits; an error that fits none is internal.
var (
	// ErrUnavailable says that the database cannot serve now: it is down, busy
	// beyond the bound, or out of space. Trying again later may succeed.
	ErrUnavailable = errors.New("session: the database is not available")
	// ErrConflict says that the transaction could not be ordered among the
	// others. [DB.Write] retries it, and returns it after the last attempt.
	ErrConflict = errors.New("session: the transaction conflicts with another")
	// ErrPosition says that a position is not part of this database's history:
	// it is forged or foreign, or a failover has lost it.
	ErrPosition = errors.New("session: the position is not of this database's history")
	// ErrMoved says that the server of a read session went away, and that
	// another may answer. [DB.Read] runs the session again.
	ErrMoved = errors.New("session: the server went away")
	// ErrExpired says that the session outlived the engine's bound and was
	// rolled back, so that others could go on.
	ErrExpired = errors.New("session: the session took longer than its bound")
	// ErrClosed says that a session was used after its function returned.
	ErrClosed = errors.New("session: used after its end")
	// ErrConcurrent says that a session was used by two goroutines at once.
	ErrConcurrent = errors.New("session: used by two goroutines at once")
	// ErrOnce says that a session opened with [Once] made a second exchange.
	ErrOnce = errors.New("session: a session of one gather was used twice")
)

// Engine is a database as sessions need it. It is safe for concurrent use.
type Engine interface {
	// Snapshot opens a read-only view of one moment, not older than the position
	// in the options. It may leave the work to the first plan.
	Snapshot(ctx context.Context, o SnapshotOptions) (Snapshot, error)
	// Transaction opens a serialisable transaction. It may leave the work to the
	// first plan.
	Transaction(ctx context.Context) (Transaction, error)
	// Close waits for open sessions and frees everything.
	Close() error
}

// SnapshotOptions say what is known of a read session before it starts.
type SnapshotOptions struct {
	After Position // the snapshot has seen at least this
	Once  bool     // one plan follows, so that its end can travel with it

	first []query.Part // of [First], which engines do not see
}

// Snapshot is the engine's side of a read session. One goroutine uses it.
type Snapshot interface {
	// Gather runs the plan's steps in the snapshot, in one round trip.
	Gather(ctx context.Context, p *query.Plan) error
	// Node names the server that answered; empty before the first plan.
	Node() string
	// Position returns one that covers all that the session sees: a later session
	// after it does not go back in time. It is empty if no session can, and
	// before the first plan.
	Position() Position
	// Close ends the session and never delays the caller.
	Close()
}

// Transaction is the engine's side of a write session. One goroutine uses it.
// After an error it is rolled back; Rollback is still called.
type Transaction interface {
	// Gather runs the plan's steps in order, in one round trip.
	Gather(ctx context.Context, p *query.Plan) error
	// Commit runs the plan's steps in order, finishes the plan and commits, in
	// one round trip if no step's outcome can refuse the commit. An error of the
	// plan is the transaction's. Once Commit returns nil, the changes survive a
	// power cut. A context that ends during the commit does not undo it: Commit
	// still returns the outcome, or an error that says that it is unknown.
	Commit(ctx context.Context, p *query.Plan) (Position, error)
	// Rollback ends the transaction without its changes. It is bounded, and
	// does nothing after Commit. Its error is not nil if what the transaction
	// has read was never committed.
	Rollback() error
	// Node names the server; empty before the first plan.
	Node() string
}

// Position is a moment in the database's history, opaque except to the engine
// that made it. The empty position is the beginning.
type Position string
