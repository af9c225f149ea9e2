package dbcopy

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// chunkRows is how many rows are read, and written in one session, at a time.
const chunkRows = 1000

// Copy makes the target, whose schema is that of the source, the same as one
// moment of the source, which may be in use meanwhile; then it compares every
// row of both by a digest for each table. It is interrupted between chunks by
// the end of ctx, and goes on where it was when it is run again: what is the
// same already stays. Run once more, it brings over what has changed since.
//
// Faults: target_not_empty, copy_differs, interrupted.
func Copy(ctx context.Context, source, target *session.DB, o Options) (report Report, err error) {
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	if err := claim(ctx, target, o.Source); err != nil {
		return report, err
	}
	err = source.Read(ctx, func(r *session.Read) error {
		report = Report{AsOf: time.Now().UTC().Truncate(time.Microsecond)}
		for i := range tables {
			c := copier{table: &tables[i], source: r, target: target, progress: o.Progress}
			t, err := c.copy(ctx)
			if err != nil {
				return fmt.Errorf("copying %s: %w", tables[i].name, err)
			}
			report.Tables = append(report.Tables, t)
		}
		return nil
	})
	if err != nil && ctx.Err() != nil {
		err = ErrInterrupted.Because(err)
	}
	return report, err
}

// claim marks the target as the copy of the source. Faults: target_not_empty.
func claim(ctx context.Context, target *session.DB, source string) error {
	err := target.Write(ctx, func(w *session.Write) error {
		of, err := session.Run(ctx, w, query.Maybe("select value from setting where key = $1",
			func(r query.Row) (s string, err error) { return s, r.Scan(&s) }, marker))
		if err != nil || of != nil && *of == source {
			return err
		}
		if of != nil {
			return ErrNotEmpty
		}
		filled := make([]bool, len(tables))
		parts := make([]query.Part, len(tables))
		for i, t := range tables {
			parts[i] = query.Into(&filled[i], query.Scalar[bool]("select exists (select 1 from "+t.name+")"))
		}
		if err := w.Gather(ctx, parts...); err != nil {
			return err
		}
		if slices.Contains(filled, true) {
			return ErrNotEmpty
		}
		w.Add(query.Exec("insert into setting (key, value) values ($1, $2)", marker, source))
		return nil
	})
	if err != nil {
		return fmt.Errorf("looking at the target: %w", err)
	}
	return nil
}

// Settle ends what Copy has begun: the database is in use from now on, and is
// no longer overwritten.
func Settle(ctx context.Context, db *session.DB) error {
	err := db.Write(ctx, func(w *session.Write) error {
		w.Add(query.Exec("delete from setting where key = $1", marker))
		return nil
	})
	if err != nil {
		return fmt.Errorf("ending the copy: %w", err)
	}
	return nil
}

// copier makes one table the same.
type copier struct {
	table    *table
	source   *session.Read
	target   *session.DB
	progress func(Progress)
	all      int64 // rows in the source
	result   Table
}

func (c *copier) copy(ctx context.Context) (Table, error) {
	c.result.Name = c.table.name
	var err error
	if c.all, err = session.Run(ctx, c.source, c.table.count()); err != nil {
		return c.result, err
	}
	there, err := askTarget(ctx, c.target, c.table.count())
	if err != nil {
		return c.result, err
	}
	if there > 0 { // rows that changed go first, or a value that moved on would clash with itself
		if err := c.removeOthers(ctx); err != nil {
			return c.result, err
		}
	}
	if err := c.insertMissing(ctx, there > 0); err != nil {
		return c.result, err
	}
	return c.result, c.verify(ctx)
}

func (t *table) count() query.Query[int64] {
	return query.Scalar[int64]("select count(*) from " + t.name + " where " + t.where)
}

func askTarget[T any](ctx context.Context, db *session.DB, q query.Query[T]) (answer T, err error) {
	err = db.Read(ctx, func(r *session.Read) (err error) {
		answer, err = session.Run(ctx, r, q)
		return err
	}, session.Once)
	return answer, err
}

// walk hands over the rows of the source, in chunks, with the keys between which
// each lies; the last chunk may be empty and ends nowhere.
func (c *copier) walk(ctx context.Context, verifying bool, each func(rows []row, after, last []any) error) error {
	var after []any
	for done := int64(0); ; {
		rows, err := session.Run(ctx, c.source, c.table.chunk(after, chunkRows))
		if err != nil {
			return err
		}
		var last []any
		if len(rows) == chunkRows {
			last = c.table.key(rows[len(rows)-1])
		}
		if err := each(rows, after, last); err != nil {
			return err
		}
		done += int64(len(rows))
		c.progress(Progress{Table: c.table.name, Verifying: verifying, Done: done, All: max(c.all, done)})
		if last == nil {
			return nil
		}
		after = last
	}
}

// removeOthers removes rows of the target that the source does not have as they
// are.
func (c *copier) removeOthers(ctx context.Context) error {
	return c.walk(ctx, false, func(rows []row, after, last []any) error {
		same := make(map[string]bool, len(rows))
		for _, r := range rows {
			same[string(appendRow(nil, r))] = true
		}
		return c.write(ctx, func(w *session.Write) (int64, error) {
			stored, err := session.Run(ctx, w, c.table.between(after, last))
			var removed int64
			for _, r := range stored {
				if !same[string(appendRow(nil, r))] {
					w.Add(c.table.remove(r))
					removed++
				}
			}
			return removed, err
		}, &c.result.Removed)
	})
}

// insertMissing inserts the rows of the source that the target does not have.
func (c *copier) insertMissing(ctx context.Context, some bool) error {
	return c.walk(ctx, false, func(rows []row, after, last []any) error {
		if len(rows) == 0 {
			return nil
		}
		return c.write(ctx, func(w *session.Write) (int64, error) {
			missing := rows
			if some {
				stored, err := session.Run(ctx, w, c.table.between(after, last))
				if err != nil {
					return 0, err
				}
				missing = c.without(rows, stored)
			}
			w.Add(c.table.insert(missing)...)
			return int64(len(missing)), nil
		}, &c.result.Inserted)
	})
}

// without are the rows whose keys none of the others has.
func (c *copier) without(rows, others []row) []row {
	known := make(map[string]bool, len(others))
	for _, r := range others {
		known[string(appendRow(nil, c.table.key(r)))] = true
	}
	return slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return known[string(appendRow(nil, c.table.key(r)))] })
}

// write runs a write session and adds what it did to the sum.
func (c *copier) write(ctx context.Context, fn func(*session.Write) (int64, error), sum *int64) error {
	var n int64
	err := c.target.Write(ctx, func(w *session.Write) (err error) {
		n, err = fn(w)
		return err
	})
	if err == nil {
		*sum += n
	}
	return err
}

// verify compares the whole table, in one moment of the target.
func (c *copier) verify(ctx context.Context) error {
	here, there := newDigest(), newDigest()
	err := c.target.Read(ctx, func(target *session.Read) error {
		here, there = newDigest(), newDigest()
		return c.walk(ctx, true, func(rows []row, after, last []any) error {
			stored, err := session.Run(ctx, target, c.table.between(after, last))
			if err != nil {
				return err
			}
			for _, r := range rows {
				here.add(r)
			}
			for _, r := range stored {
				there.add(r)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	c.result.Rows, c.result.Digest = here.rows, here.String()
	if here.rows != there.rows || !bytes.Equal(here.hash.Sum(nil), there.hash.Sum(nil)) {
		return ErrDiffers.Because(fmt.Errorf("%d rows in the source, %d in the target", here.rows, there.rows))
	}
	return nil
}
