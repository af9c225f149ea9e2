package sqlite

import (
	"container/list"
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
	cache  map[string]*list.Element // statements by text in the common language
	recent list.List                // of statements, the most recently used first
	broken bool                     // its state is unknown: it must not be used again

	changes uint64 // statements that have run and change data
}

// statement is a prepared statement with its text in the common language.
type statement struct {
	*sqlite3.Stmt
	text string
}

var errOneStatement = errors.New("a query is exactly one statement")

// maxStatements is how many prepared statements a connection keeps: more than
// the operations of a server have, so that only rare filters are prepared again.
const maxStatements = 256

func openWriting(ctx context.Context, o Options) (*conn, error) {
	// The writer checkpoints after it has acknowledged, not within a commit.
	return open(ctx, o, sqlite3.OPEN_READWRITE|sqlite3.OPEN_CREATE, fmt.Sprintf(`
		pragma journal_mode = wal;
		pragma synchronous = full;
		pragma wal_autocheckpoint = 0;
		pragma journal_size_limit = %d;
		pragma cache_size = -%d;`, 64<<20, 4*o.CacheKiB))
}

func openReading(ctx context.Context, o Options) (*conn, error) {
	return open(ctx, o, sqlite3.OPEN_READONLY, fmt.Sprintf("pragma query_only = on; pragma cache_size = -%d;", o.CacheKiB))
}

func open(ctx context.Context, o Options, flags sqlite3.OpenFlag, settings string) (*conn, error) {
	db, err := sqlite3.OpenFlags(o.Path, flags)
	if err != nil {
		return nil, explain(ctx, err)
	}
	// A statement keeps its plan, whatever is bound to it: with the samples of a
	// plain ANALYZE, SQLite would plan again for every value.
	if _, err := db.Config(sqlite3.DBCONFIG_ENABLE_QPSG, true); err != nil {
		return nil, errors.Join(explain(ctx, err), db.Close())
	}
	c := &conn{db: db, cache: make(map[string]*list.Element)}
	err = c.exec(ctx, fmt.Sprintf(`
		pragma busy_timeout = %d;
		pragma foreign_keys = on;
		pragma trusted_schema = off;
		pragma temp_store = memory;`, o.BusyTimeout/time.Millisecond)+settings)
	if err != nil {
		_ = c.close() // the first error says more
		return nil, err
	}
	return c, nil
}

func (c *conn) close() error {
	for _, e := range c.cache {
		_ = statementOf(e).Close() // Close of the connection reports what matters
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
	if e := c.cache[text]; e != nil {
		c.recent.MoveToFront(e)
		return statementOf(e), nil
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
		s := statementOf(c.recent.Back())
		c.recent.Remove(c.recent.Back())
		delete(c.cache, s.text)
		_ = s.Close() // it only repeats the error of its last step
	}
	s := &statement{stmt, text}
	c.cache[text] = c.recent.PushFront(s)
	return s, nil
}

func statementOf(e *list.Element) *statement {
	return e.Value.(*statement) //nolint:forcetypeassert // the list holds nothing else
}
