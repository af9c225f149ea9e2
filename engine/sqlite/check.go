package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// maxDamage is how many faults a check reports.
const maxDamage = 100

// Check has SQLite look for damage, and for rows whose parent is missing. It
// returns what is wrong, in SQLite's words: an empty list if all is well.
func (e *Engine) Check(ctx context.Context) ([]string, error) {
	text := func(r query.Row) (s string, err error) { return s, r.Scan(&s) }
	var pages, parents []string
	err := session.New(e).Read(ctx, func(r *session.Read) error {
		return r.Gather(ctx,
			query.Into(&pages, query.Many("select integrity_check from pragma_integrity_check where integrity_check <> 'ok'", text)),
			query.Into(&parents, query.Many(`select 'a row of ' || "table" || ' belongs to none of ' || parent from pragma_foreign_key_check limit 100`, text)))
	})
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, session.ErrUnavailable):
		return []string{"it cannot be read completely: " + err.Error()}, nil
	case err != nil:
		return nil, fmt.Errorf("checking the database: %w", err)
	}
	found := append(append([]string{}, pages...), parents...)
	return found[:min(len(found), maxDamage)], nil
}
