package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	mattn "github.com/mattn/go-sqlite3"
	ncruces "github.com/ncruces/go-sqlite3"
	modernc "modernc.org/sqlite"
)

// conn is a connection of some driver. One goroutine uses it.
type conn interface {
	// prepare compiles one statement, which lives as long as the connection.
	prepare(sql string) (stmt, error)
	close() error
}

// stmt is a prepared statement.
type stmt interface {
	// run binds the arguments, reads every column of every row into Go values
	// and gives the number of rows.
	run(args ...driver.Value) (rows int, err error)
}

// drivers are those that are compared. The first is what the others are
// compared with.
var drivers = []struct {
	name string
	open func(path string) (conn, error)
}{
	{"ncruces v0.36.0", openNcruces},
	{"mattn v1.14.53 (cgo)", func(path string) (conn, error) {
		return openStandard(&mattn.SQLiteDriver{}, "file:"+path+"?_mutex=no")
	}},
	{"modernc v1.61.1", func(path string) (conn, error) {
		return openStandard(&modernc.Driver{}, path)
	}},
}

type ncrucesConn struct{ db *ncruces.Conn }

func openNcruces(path string) (conn, error) {
	db, err := ncruces.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening with ncruces: %w", err)
	}
	return ncrucesConn{db}, nil
}

func (c ncrucesConn) close() error { return c.db.Close() }

func (c ncrucesConn) prepare(sql string) (stmt, error) {
	s, _, err := c.db.PrepareFlags(sql, ncruces.PREPARE_PERSISTENT)
	if err != nil {
		return nil, fmt.Errorf("preparing: %w", err)
	}
	return ncrucesStmt{s, s.ColumnCount()}, nil
}

type ncrucesStmt struct {
	*ncruces.Stmt
	columns int
}

func (s ncrucesStmt) run(args ...driver.Value) (rows int, err error) {
	for i, a := range args {
		if err := s.bind(i+1, a); err != nil {
			return 0, err
		}
	}
	for s.Step() {
		rows++
		for i := range s.columns {
			sink(s.column(i))
		}
	}
	return rows, errors.Join(s.Err(), s.Reset())
}

func (s ncrucesStmt) bind(i int, a driver.Value) error {
	switch v := a.(type) {
	case nil:
		return s.BindNull(i)
	case int64:
		return s.BindInt64(i, v)
	case string:
		return s.BindText(i, v)
	case []byte:
		return s.BindBlob(i, v)
	default:
		return fmt.Errorf("a %T cannot be bound", a)
	}
}

func (s ncrucesStmt) column(i int) driver.Value {
	switch s.ColumnType(i) {
	case ncruces.INTEGER:
		return s.ColumnInt64(i)
	case ncruces.TEXT:
		return s.ColumnText(i)
	case ncruces.BLOB:
		return s.ColumnBlob(i, nil)
	default:
		return nil
	}
}

// standardConn is a driver of database/sql.
type standardConn struct{ driver.Conn }

func openStandard(d driver.Driver, path string) (conn, error) {
	c, err := d.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening with %T: %w", d, err)
	}
	return standardConn{c}, nil
}

func (c standardConn) close() error { return c.Close() }

func (c standardConn) prepare(sql string) (stmt, error) {
	s, err := c.Prepare(sql)
	if err != nil {
		return nil, fmt.Errorf("preparing: %w", err)
	}
	return &standardStmt{s: s.(driver.StmtQueryContext)}, nil //nolint:forcetypeassert // both drivers have it
}

type standardStmt struct {
	s      driver.StmtQueryContext
	values []driver.Value
	named  []driver.NamedValue
}

func (s *standardStmt) run(args ...driver.Value) (n int, err error) {
	s.named = s.named[:0]
	for i, a := range args {
		s.named = append(s.named, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	rows, err := s.s.QueryContext(context.Background(), s.named)
	if err != nil {
		return 0, fmt.Errorf("running: %w", err)
	}
	if s.values == nil {
		s.values = make([]driver.Value, len(rows.Columns()))
	}
	for {
		switch err := rows.Next(s.values); {
		case errors.Is(err, io.EOF):
			return n, rows.Close()
		case err != nil:
			return n, errors.Join(err, rows.Close())
		}
		n++
		for _, v := range s.values {
			sink(v)
		}
	}
}

// sink keeps the compiler from leaving out what nobody reads.
//
//go:noinline
func sink(driver.Value) {}
