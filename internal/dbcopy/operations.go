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

// Copy makes the target, which has the same schema, equal to one moment of the
// source, which may be in use. It then compares every row of both by a digest for
// each table. Canceling ctx interrupts it between chunks. Run again, it continues:
// rows that are equal stay, and rows that changed in the source are copied again.
//
// Faults: target_not_empty, copy_differs, schemas_differ, interrupted.
func Copy(ctx context.Context, source, target *session.DB, o Options) (report Report, err error) {
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	tables, err := schemaOf(ctx, source, target)
	if err != nil {
		return report, stopped(ctx, err)
	}
	if err := claim(ctx, target, tables, o.Source); err != nil {
		return report, stopped(ctx, err)
	}
	err = source.Read(ctx, func(r *session.Read) error {
		report = Report{AsOf: time.Now().UTC().Truncate(time.Microsecond)}
		for _, t := range tables {
			c := copier{table: t, source: r, target: target, progress: o.Progress}
			result, err := c.copy(ctx)
			if err != nil {
				return fmt.Errorf("copying %s: %w", t.name, err)
			}
			report.Tables = append(report.Tables, result)
		}
		return nil
	})
	return report, stopped(ctx, err)
}

// stopped returns err, as [ErrInterrupted] if ctx has ended.
func stopped(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ErrInterrupted.Because(err)
	}
	return err
}

// claim marks the target as the copy of the source. Faults: target_not_empty.
func claim(ctx context.Context, target *session.DB, tables []*table, source string) error {
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
		return fmt.Errorf("claiming the target: %w", err)
	}
	return nil
}

// Settle marks the target of a copy as in use: Copy no longer writes to it. It may
// run on any database, and more than once.
func Settle(ctx context.Context, db *session.DB) error {
	err := db.Write(ctx, func(w *session.Write) error {
		w.Add(query.Exec("delete from setting where key = $1", marker))
		return nil
	})
	if err != nil {
		return fmt.Errorf("finishing the copy: %w", err)
	}
	return nil
}

// copier copies one table.
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
	stored, err := run(ctx, c.target, c.table.count())
	if err != nil {
		return c.result, err
	}
	if stored > 0 { // before inserting: a unique value may have moved to another row
		if err := c.removeOthers(ctx); err != nil {
			return c.result, err
		}
	}
	if err := c.insertMissing(ctx, stored > 0); err != nil {
		return c.result, err
	}
	return c.result, c.verify(ctx)
}

// walk calls each with the rows of the source, in chunks, and the keys after and up
// to which a chunk goes. The last chunk may be empty and has no last key.
func (c *copier) walk(ctx context.Context, verifying bool, each func(rows []row, after, last []any) error) error {
	var after []any
	for done := int64(0); ; {
		rows, err := session.Run(ctx, c.source, c.table.rows(after, nil, chunkRows))
		if err != nil {
			return err
		}
		var last []any
		if len(rows) == chunkRows {
			last = c.table.keyOf(rows[len(rows)-1])
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

// removeOthers removes the rows of the target that the source does not have, or
// has with other values.
func (c *copier) removeOthers(ctx context.Context) error {
	return c.walk(ctx, false, func(rows []row, after, last []any) error {
		same := make(map[string]bool, len(rows))
		for _, r := range rows {
			same[string(appendRow(nil, r))] = true
		}
		return c.write(ctx, func(w *session.Write) (int64, error) {
			stored, err := session.Run(ctx, w, c.table.rows(after, last, 0))
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
				stored, err := session.Run(ctx, w, c.table.rows(after, last, 0))
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

// without returns the rows whose keys none of the others has.
func (c *copier) without(rows, others []row) []row {
	known := make(map[string]bool, len(others))
	for _, r := range others {
		known[string(appendRow(nil, c.table.keyOf(r)))] = true
	}
	return slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return known[string(appendRow(nil, c.table.keyOf(r)))] })
}

// write runs a write session and adds the number that it returns to the sum.
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

// verify compares the whole table with one snapshot of the target.
func (c *copier) verify(ctx context.Context) error {
	var here, there *digest
	err := c.target.Read(ctx, func(target *session.Read) error {
		here, there = newDigest(), newDigest()
		return c.walk(ctx, true, func(rows []row, after, last []any) error {
			stored, err := session.Run(ctx, target, c.table.rows(after, last, 0))
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
