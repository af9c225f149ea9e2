package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Engine implements [session.Engine] on one SQLite file.
type Engine struct {
	options Options
	readers *pool
	writer  *writer
	close   func() error
}

var _ session.Engine = (*Engine)(nil)

// Open opens the database file in WAL mode, and creates it if it is missing. The
// error says what is wrong with the file: read-only, damaged, not a database,
// full.
func Open(ctx context.Context, o Options) (*Engine, error) {
	o = o.withDefaults()
	write, err := openWriting(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	e := &Engine{options: o, writer: newWriter(write, o)}
	e.readers = newPool(o.Readers, func(ctx context.Context) (*conn, error) { return openReading(ctx, o) })
	e.close = sync.OnceValue(func() error { return errors.Join(e.readers.close(), e.writer.close()) })
	first, err := e.readers.acquire(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the database for reading: %w", err), e.Close())
	}
	e.readers.release(first)
	return e, nil
}

// Close waits for open sessions, then closes the file. Sessions opened
// afterwards return [session.ErrUnavailable].
func (e *Engine) Close() error { return e.close() }

// Snapshot implements [session.Engine]. The only node has seen every position.
// The first plan acquires the connection.
func (e *Engine) Snapshot(_ context.Context, o session.SnapshotOptions) (session.Snapshot, error) {
	return &snapshot{engine: e, once: o.Once}, nil
}

// Transaction implements [session.Engine]. The first plan queues for the writer:
// a session that only adds changes never holds it while Go code runs.
func (e *Engine) Transaction(ctx context.Context) (session.Transaction, error) {
	return newTransaction(ctx, e.writer.queue), nil
}

// Optimize refreshes the planner's statistics that have become old. It is cheap
// if none have.
func (e *Engine) Optimize(ctx context.Context) error {
	return e.writer.alone(ctx, func(c *conn) error {
		return c.exec(ctx, "pragma analysis_limit = 1000; pragma optimize = 0x10002")
	})
}

// Stats are counts since the engine was opened, and the connections in use.
type Stats struct {
	Sessions uint64 // write sessions that were committed
	Commits  uint64 // commits, each one disk sync, that carried them
	Reading  int    // connections in use by read sessions
	Readers  int    // connections that read, at most
}

// Stats returns the counts. It is safe for concurrent use.
func (e *Engine) Stats() Stats {
	free, all := len(e.readers.slots), cap(e.readers.slots)
	return Stats{Sessions: e.writer.sessions.Load(), Commits: e.writer.commits.Load(), Reading: all - free, Readers: all}
}

// snapshot is a read session. Its first plan acquires the connection.
type snapshot struct {
	engine *Engine
	conn   *conn
	once   bool
	begun  bool // a transaction holds the snapshot
}

var _ session.Snapshot = (*snapshot)(nil)

func (s *snapshot) Node() string { return node }

// Position implements [session.Snapshot]. With one node, no read can go back.
func (s *snapshot) Position() session.Position { return "" }

// Gather implements [session.Snapshot].
func (s *snapshot) Gather(ctx context.Context, p *query.Plan) error {
	if s.conn == nil {
		c, err := s.engine.readers.acquire(ctx)
		if err != nil {
			return err
		}
		s.conn = c
	}
	if !s.begun && (!s.once || len(p.Steps) != 1) { // a single statement is a snapshot by itself
		if err := s.conn.do(ctx, "begin"); err != nil {
			return err
		}
		s.begun = true
	}
	return s.conn.run(ctx, p)
}

// Close implements [session.Snapshot].
func (s *snapshot) Close() {
	if s.conn == nil {
		return
	}
	if s.begun && s.conn.do(context.Background(), "commit") != nil { // nothing was changed: a commit is cheaper than a rollback
		s.conn.rollback()
	}
	s.engine.readers.release(s.conn)
	s.conn = nil
}
