package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	sqlite3 "github.com/ncruces/go-sqlite3"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

var errClosed = fmt.Errorf("%w: it is closed", session.ErrUnavailable)

// explain wraps a driver's error with what it means for a session.
func explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	code, ok := errors.AsType[sqlite3.ErrorCode](err)
	if !ok {
		return err
	}
	switch code {
	case sqlite3.INTERRUPT:
		if cause := context.Cause(ctx); cause != nil {
			return fmt.Errorf("the query was cancelled: %w", cause)
		}
		return err
	case sqlite3.BUSY, sqlite3.LOCKED:
		return unavailable("another process is writing to it", err)
	case sqlite3.FULL:
		return unavailable("the disk is full; free some space", err)
	case sqlite3.READONLY, sqlite3.PERM:
		return unavailable("it cannot be written; check the owner and mode of its file and directory", err)
	case sqlite3.CANTOPEN:
		return unavailable("its file cannot be opened; check that its directory exists and is readable and writable", err)
	case sqlite3.CORRUPT, sqlite3.NOTADB:
		return unavailable("its file is damaged or not a database; restore a backup", err)
	case sqlite3.IOERR, sqlite3.NOMEM:
		return unavailable("reading or writing its file failed", err)
	default:
		return err
	}
}

func unavailable(why string, err error) error {
	return fmt.Errorf("%w: %s: %w", session.ErrUnavailable, why, err)
}

// violation returns a refused change as a [query.Violation] with the name of the
// constraint.
//
// SQLite has no field for that name: only the last part of its message holds it,
// and for a unique index that lists the columns instead. It is read here and
// nowhere else. A foreign key is reported without a name.
func (c *conn) violation(err error) error {
	code, ok := errors.AsType[sqlite3.ExtendedErrorCode](err)
	if !ok || code.Code() != sqlite3.CONSTRAINT {
		return err
	}
	message := err.Error()
	subject := message[strings.LastIndex(message, ": ")+2:]
	v := &query.Violation{Constraint: subject, Cause: err}
	switch code {
	case sqlite3.CONSTRAINT_FOREIGNKEY:
		v.Constraint = "foreign key"
	case sqlite3.CONSTRAINT_PRIMARYKEY:
		table, _, _ := strings.Cut(subject, ".")
		v.Constraint = table + "_pkey"
	case sqlite3.CONSTRAINT_UNIQUE:
		if name, quoted := strings.CutPrefix(subject, "index '"); quoted {
			v.Constraint = strings.TrimSuffix(name, "'")
		} else if name := c.uniqueIndex(subject); name != "" {
			v.Constraint = name
		}
	}
	return v
}

// uniqueIndex returns the name of the unique index of the columns, given as
// SQLite lists them: "users.phone" or "photos.member_id, photos.id". It returns
// an empty name if there is none.
func (c *conn) uniqueIndex(columns string) string {
	table, _, _ := strings.Cut(columns, ".")
	stmt, _, err := c.db.Prepare(`
		select l.name from pragma_index_list(?1) l
		where l."unique" and ?2 = (select group_concat(?1 || '.' || name, ', ') from
			(select i.name from pragma_index_info(l.name) i order by i.seqno))`)
	if err != nil {
		return ""
	}
	defer stmt.Close()
	if stmt.BindText(1, table) != nil || stmt.BindText(2, columns) != nil || !stmt.Step() {
		return ""
	}
	return stmt.ColumnText(0)
}
