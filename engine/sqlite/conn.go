package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	sqlite3 "github.com/ncruces/go-sqlite3"

	"github.com/musterhq/muster/query"
)

// conn is a connection with its prepared statements. One goroutine uses it.
type conn struct {
	db     *sqlite3.Conn
	cache  map[string]*statement // by text in the common language
	recent *statement            // most recently used first, in a ring through older
	broken bool                  // its state is unknown: it must not be used again

	changes uint64 // statements that have run and change data
}

// statement is a prepared statement in the ring of its connection.
type statement struct {
	*sqlite3.Stmt
	text         string
	newer, older *statement
}

var errOneStatement = errors.New("a query is exactly one statement")

// maxStatements is how many prepared statements a connection keeps: more than
// the operations of a server have, so that only rare filters are prepared again.
const maxStatements = 256

func openWriting(ctx context.Context, o Options) (*conn, error) {
	c, err := open(ctx, o, sqlite3.OPEN_READWRITE|sqlite3.OPEN_CREATE)
	if err != nil {
		return nil, err
	}
	// The writer checkpoints after it has acknowledged, not within a commit.
	err = c.exec(ctx, fmt.Sprintf(`
		pragma journal_mode = wal;
		pragma synchronous = full;
		pragma wal_autocheckpoint = 0;
		pragma journal_size_limit = %d;
		pragma cache_size = -%d;`, 64<<20, 4*o.CacheKiB))
	if err != nil {
		_ = c.close() // the first error says more
		return nil, err
	}
	return c, nil
}

func openReading(ctx context.Context, o Options) (*conn, error) {
	c, err := open(ctx, o, sqlite3.OPEN_READONLY)
	if err != nil {
		return nil, err
	}
	err = c.exec(ctx, fmt.Sprintf("pragma query_only = on; pragma cache_size = -%d;", o.CacheKiB))
	if err != nil {
		_ = c.close() // the first error says more
		return nil, err
	}
	return c, nil
}

func open(ctx context.Context, o Options, flags sqlite3.OpenFlag) (*conn, error) {
	db, err := sqlite3.OpenFlags(o.Path, flags)
	if err != nil {
		return nil, explain(ctx, err)
	}
	// A statement keeps its plan, whatever is bound to it: with the samples of a
	// plain ANALYZE, SQLite would plan again for every value.
	if _, err := db.Config(sqlite3.DBCONFIG_ENABLE_QPSG, true); err != nil {
		return nil, errors.Join(explain(ctx, err), db.Close())
	}
	c := &conn{db: db, cache: make(map[string]*statement)}
	c.recent = &statement{}
	c.recent.newer, c.recent.older = c.recent, c.recent
	err = c.exec(ctx, fmt.Sprintf(`
		pragma busy_timeout = %d;
		pragma foreign_keys = on;
		pragma trusted_schema = off;
		pragma temp_store = memory;`, o.BusyTimeout/time.Millisecond))
	if err != nil {
		_ = c.close() // the first error says more
		return nil, err
	}
	return c, nil
}

func (c *conn) close() error {
	for _, s := range c.cache {
		_ = s.Close() // Close of the connection reports what matters
	}
	if err := c.db.Close(); err != nil {
		return fmt.Errorf("closing a connection: %w", err)
	}
	return nil
}

// exec runs texts without arguments and results, in SQLite's own spelling.
func (c *conn) exec(ctx context.Context, sql string) error {
	c.db.SetInterrupt(ctx)
	return explain(ctx, c.db.Exec(sql))
}

// do runs one text without arguments and results, which stays prepared.
func (c *conn) do(ctx context.Context, text string) error {
	c.db.SetInterrupt(ctx)
	s, err := c.prepare(text)
	if err != nil {
		return explain(ctx, err)
	}
	return explain(ctx, s.Exec())
}

// rollback ends the transaction, if one is open.
func (c *conn) rollback() {
	if !c.db.GetAutocommit() && c.do(context.Background(), "rollback") != nil {
		c.broken = true
	}
}

// run runs the plan's steps in order and stops at the first error.
func (c *conn) run(ctx context.Context, p *query.Plan) error {
	c.db.SetInterrupt(ctx)
	for i := range p.Steps {
		if err := c.step(ctx, &p.Steps[i]); err != nil {
			return p.Fail(i, err)
		}
	}
	return nil
}

func (c *conn) step(ctx context.Context, step *query.Step) (err error) {
	s, err := c.prepare(step.SQL)
	if err != nil {
		return explain(ctx, err)
	}
	defer func() {
		if reset := s.Reset(); err == nil {
			err = explain(ctx, reset)
		}
	}()
	if err := bind(s.Stmt, step.Args); err != nil {
		return err
	}
	row := row{s.Stmt}
	for s.Step() {
		if !step.Reads() {
			continue
		}
		if err := step.Row(row); err != nil {
			return err
		}
	}
	if err := s.Err(); err != nil {
		return c.violation(explain(ctx, err))
	}
	if step.Reads() {
		return nil
	}
	c.changes++
	return step.Touched(c.db.Changes())
}

// prepare returns the statement of a text in the common language.
func (c *conn) prepare(text string) (*statement, error) {
	if s := c.cache[text]; s != nil {
		c.touch(s)
		return s, nil
	}
	sql, err := query.Render(query.SQLite, text)
	if err != nil {
		return nil, err
	}
	stmt, tail, err := c.db.PrepareFlags(sql, sqlite3.PREPARE_PERSISTENT)
	if err != nil {
		return nil, err
	}
	if stmt == nil || strings.TrimSpace(tail) != "" {
		return nil, errors.Join(errOneStatement, stmt.Close())
	}
	if len(c.cache) >= maxStatements {
		c.forget(c.recent.newer) // the ring's other end: the least recently used
	}
	s := &statement{Stmt: stmt, text: text}
	s.newer, s.older = s, s
	c.cache[text] = s
	c.touch(s)
	return s, nil
}

// touch makes the statement the most recently used.
func (c *conn) touch(s *statement) {
	s.newer.older, s.older.newer = s.older, s.newer
	s.newer, s.older = c.recent, c.recent.older
	s.newer.older, s.older.newer = s, s
}

func (c *conn) forget(s *statement) {
	s.newer.older, s.older.newer = s.older, s.newer
	delete(c.cache, s.text)
	_ = s.Close() // it only repeats the error of its last step
}
