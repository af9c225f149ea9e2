package limit

import (
	"errors"
	"fmt"
	"runtime"

	sqlite3 "github.com/ncruces/go-sqlite3"
)

// conn is a connection with its statements. One goroutine uses it.
type conn struct {
	db    *sqlite3.Conn
	stmts [howMany]*sqlite3.Stmt
}

// The pragmas are those of engine/sqlite, as are the sizes of the caches.
const (
	pragmas = `
		pragma busy_timeout = 5000;
		pragma foreign_keys = on;
		pragma trusted_schema = off;
		pragma temp_store = memory;`
	readPragmas = pragmas + `
		pragma query_only = on;
		pragma cache_size = -4096;`
	writePragmas = pragmas + `
		pragma journal_mode = wal;
		pragma synchronous = full;
		pragma wal_autocheckpoint = 4096;
		pragma journal_size_limit = 67108864;
		pragma cache_size = -16384;`
)

func open(path string, flags sqlite3.OpenFlag, pragmas string) (*conn, error) {
	db, err := sqlite3.OpenFlags(path, flags)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	// A bound limit would otherwise have the statement planned anew each time.
	if _, err := db.Config(sqlite3.DBCONFIG_ENABLE_QPSG, true); err != nil {
		return nil, errors.Join(fmt.Errorf("configuring a connection: %w", err), db.Close())
	}
	if err := db.Exec(pragmas); err != nil {
		return nil, errors.Join(fmt.Errorf("configuring a connection: %w", err), db.Close())
	}
	return &conn{db: db}, nil
}

// stmt gives a statement, prepared when it is first used.
func (c *conn) stmt(t text) (*sqlite3.Stmt, error) {
	if s := c.stmts[t]; s != nil {
		return s, nil
	}
	s, _, err := c.db.PrepareFlags(texts[t], sqlite3.PREPARE_PERSISTENT)
	if err != nil {
		return nil, fmt.Errorf("preparing %q: %w", texts[t], err)
	}
	c.stmts[t] = s
	return s, nil
}

// exec runs a statement without arguments and rows.
func (c *conn) exec(t text) error {
	s, err := c.stmt(t)
	if err != nil {
		return err
	}
	return s.Exec()
}

// byID runs a statement whose one argument is an id, or an id and a limit of
// 50, and hands each row to scan.
func (c *conn) byID(t text, id *[16]byte, scan func(*sqlite3.Stmt)) error {
	s, err := c.stmt(t)
	if err != nil {
		return err
	}
	err = s.BindBlob(1, id[:])
	if t == photos || t == documents {
		err = errors.Join(err, s.BindInt(2, 50))
	}
	if err != nil {
		return err
	}
	for s.Step() {
		scan(s)
	}
	return s.Reset()
}

func (c *conn) close() error {
	for _, s := range c.stmts {
		_ = s.Close() // what matters is said by the connection
	}
	return c.db.Close()
}

// pool lends the connections that read, as many as engine/sqlite has.
type pool chan *conn

func openPool(path string) (pool, error) {
	size := min(max(4, 2*runtime.GOMAXPROCS(0)), 16)
	p := make(pool, size)
	for range size {
		c, err := open(path, sqlite3.OPEN_READONLY, readPragmas)
		if err != nil {
			return nil, errors.Join(err, p.close())
		}
		p <- c
	}
	return p, nil
}

// read runs fn in one snapshot.
func (p pool) read(fn func(*conn) error) error {
	c := <-p
	defer func() { p <- c }()
	if err := c.exec(begin); err != nil {
		return err
	}
	return errors.Join(fn(c), c.exec(commit))
}

func (p pool) close() error {
	var errs []error
	for range len(p) {
		errs = append(errs, (<-p).close())
	}
	return errors.Join(errs...)
}
