package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/musterhq/muster/query"
)

// Texts that open and end a session.
const (
	beginRead  = "begin isolation level repeatable read read only"
	beginWrite = "begin isolation level serializable"
	commit     = "commit"
)

// exchange is one round trip: the plan's steps between what opens and ends the
// session.
type exchange struct {
	before []string
	plan   *query.Plan
	after  []string
	// last, if it is not nil, is scanned from one more statement's row.
	last *position
}

func (x exchange) run(ctx context.Context, c *pgxpool.Conn) (err error) {
	batch := &pgx.Batch{}
	for _, text := range x.before {
		batch.Queue(text)
	}
	for _, step := range x.plan.Steps {
		text, err := rendered(step.SQL)
		if err != nil {
			return err
		}
		batch.Queue(text, convert(step.Args)...)
	}
	for _, text := range x.after {
		batch.Queue(text)
	}
	if x.last != nil {
		batch.Queue(selectPosition)
	}
	results := c.SendBatch(ctx, batch)
	defer func() {
		if errClose := results.Close(); err == nil {
			err = explain(ctx, errClose)
		}
	}()
	return x.read(ctx, results)
}

func (x exchange) read(ctx context.Context, results pgx.BatchResults) error {
	for range x.before {
		if _, err := results.Exec(); err != nil {
			return x.blame(ctx, err)
		}
	}
	for i := range x.plan.Steps {
		if err := readStep(results, &x.plan.Steps[i]); err != nil {
			return x.plan.Fail(i, explain(ctx, err))
		}
	}
	for range x.after {
		if _, err := results.Exec(); err != nil {
			return explain(ctx, err)
		}
	}
	if x.last == nil {
		return nil
	}
	return explain(ctx, results.QueryRow().Scan(&x.last.timeline, &x.last.lsn))
}

func readStep(results pgx.BatchResults, step *query.Step) error {
	if step.Row == nil {
		tag, err := results.Exec()
		if err != nil {
			return err //nolint:wrapcheck // the caller explains it
		}
		return step.Touched(tag.RowsAffected())
	}
	rows, err := results.Query()
	if err != nil {
		return err //nolint:wrapcheck // the caller explains it
	}
	defer rows.Close()
	for rows.Next() {
		if err := step.Row(row{rows}); err != nil {
			return err
		}
	}
	rows.Close()
	return rows.Err() //nolint:wrapcheck // the caller explains it
}

// blame finds the step of an error that the server gave while it prepared the
// texts, before the first of them ran.
func (x exchange) blame(ctx context.Context, err error) error {
	var prepare interface{ SQL() string }
	if errors.As(err, &prepare) {
		for i, step := range x.plan.Steps {
			if text, _ := rendered(step.SQL); text == prepare.SQL() {
				return x.plan.Fail(i, explain(ctx, err))
			}
		}
	}
	return explain(ctx, err)
}

var _ = (*pgconn.PgError)(nil)
