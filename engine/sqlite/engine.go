package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Options of an engine. Only Path has no default.
type Options struct {
	Path string // of the database file, which is created if it is missing

	Readers     int           // connections that read; default twice the processors, 4 to 16
	WriteLimit  time.Duration // how long one write session may hold the writer; default 5 s
	BusyTimeout time.Duration // how long to wait for another process that writes; default 5 s
	QueueLimit  int           // write sessions that may wait; default 1024
	GroupLimit  int           // write sessions that may share a commit; default 128, 1 turns sharing off
	GroupAge    time.Duration // after which a group takes no more sessions; default 20 ms
	CacheKiB    int           // page cache of a connection; default 4096, four times that for the writer
}

func (o Options) withDefaults() Options {
	if o.Readers <= 0 {
		o.Readers = min(max(4, 2*runtime.GOMAXPROCS(0)), 16)
	}
	setDefault(&o.WriteLimit, 5*time.Second)
	setDefault(&o.BusyTimeout, 5*time.Second)
	setDefault(&o.QueueLimit, 1024)
	setDefault(&o.GroupLimit, 128)
	setDefault(&o.GroupAge, 20*time.Millisecond)
	setDefault(&o.CacheKiB, 4096)
	return o
}

func setDefault[T int | time.Duration](v *T, value T) {
	if *v <= 0 {
		*v = value
	}
}

// Engine implements [session.Engine] on one SQLite file.
type Engine struct {
	options Options
	readers *pool
	writer  *writer
	close   func() error
}

var _ session.Engine = (*Engine)(nil)

// Open opens the database file, creating it if need be, in WAL mode. The error
// says what is wrong with the file: read-only, damaged, no database, full.
func Open(ctx context.Context, o Options) (*Engine, error) {
	o = o.withDefaults()
	write, err := openWriting(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	e := &Engine{options: o, writer: newWriter(write, o)}
	e.readers = newPool(o.Readers, func(ctx context.Context) (*conn, error) { return openReading(ctx, o) })
	e.close = sync.OnceValue(func() error { return errors.Join(e.readers.close(), e.writer.close()) })
	first, err := e.readers.take(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the database for reading: %w", err), e.Close())
	}
	e.readers.give(first)
	return e, nil
}

// Close waits for the sessions that are open, then closes the file. Sessions
// opened afterwards get [session.ErrUnavailable].
func (e *Engine) Close() error { return e.close() }

// Snapshot implements [session.Engine]. There is one node, which has seen every
// position; the connection is taken by the first plan.
func (e *Engine) Snapshot(_ context.Context, o session.SnapshotOptions) (session.Snapshot, error) {
	return &snapshot{engine: e, once: o.Once}, nil
}

// Transaction implements [session.Engine]. The writer is asked for by the first
// plan: a session that only adds changes never holds it while Go code runs.
func (e *Engine) Transaction(ctx context.Context) (session.Transaction, error) {
	return newTransaction(ctx, e.writer), nil
}

// Optimize refreshes the statistics that the planner chooses by, as far as
// they have become old. It is cheap when they have not.
func (e *Engine) Optimize(ctx context.Context) error {
	return e.writer.alone(ctx, func(c *conn) error {
		return c.exec(ctx, "pragma analysis_limit = 1000; pragma optimize = 0x10002")
	})
}

// Stats are counts since the engine was opened, and what is in use.
type Stats struct {
	Sessions uint64 // write sessions that were committed
	Commits  uint64 // commits, each one disk sync, that carried them
	Reading  int    // connections that are lent to read sessions
	Readers  int    // connections that may be
}

// Stats gives the counts. It is safe for concurrent use.
func (e *Engine) Stats() Stats {
	free, all := len(e.readers.places), cap(e.readers.places)
	return Stats{Sessions: e.writer.sessions.Load(), Commits: e.writer.commits.Load(), Reading: all - free, Readers: all}
}

// node is what the engine answers to who asks which server answered.
const node = "sqlite"

// snapshot is a read session. Its connection is taken by the first plan.
type snapshot struct {
	engine *Engine
	conn   *conn
	once   bool
	begun  bool // a transaction holds the snapshot
}

var _ session.Snapshot = (*snapshot)(nil)

func (s *snapshot) Node() string { return node }

// Position implements [session.Snapshot]. There is one node: no read goes back.
func (s *snapshot) Position() session.Position { return "" }

// Gather implements [session.Snapshot].
func (s *snapshot) Gather(ctx context.Context, p *query.Plan) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	if s.once && len(p.Steps) == 1 { // one statement is a snapshot by itself
		return s.conn.run(ctx, p)
	}
	if err := s.begin(ctx); err != nil {
		return err
	}
	return s.conn.run(ctx, p)
}

func (s *snapshot) take(ctx context.Context) (err error) {
	if s.conn == nil {
		s.conn, err = s.engine.readers.take(ctx)
	}
	return err
}

func (s *snapshot) begin(ctx context.Context) error {
	if s.begun {
		return nil
	}
	if err := s.conn.do(ctx, "begin"); err != nil {
		return err
	}
	s.begun = true
	return nil
}

// Close implements [session.Snapshot].
func (s *snapshot) Close() {
	if s.conn == nil {
		return
	}
	if s.begun && s.conn.do(context.Background(), "commit") != nil { // of nothing: cheaper than a rollback
		s.conn.rollback()
	}
	s.engine.readers.give(s.conn)
	s.conn = nil
}
