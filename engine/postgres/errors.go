package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// explain wraps a driver's error with what it means for a session. The server's
// message stays out of it where it can hold a value (a key that exists already).
func explain(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, session.ErrUnavailable) {
		return err
	}
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("the query was cancelled: %w", cause)
	}
	var refused *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &refused):
		return explainCode(refused)
	case errors.As(err, &connect):
		return fmt.Errorf("%w: it cannot be reached", session.ErrUnavailable)
	case errors.Is(err, puddle.ErrClosedPool):
		return errClosed
	case pgconn.Timeout(err), pgconn.SafeToRetry(err):
		return fmt.Errorf("%w: the connection was lost: %w", session.ErrUnavailable, err)
	default:
		return err
	}
}

// explainCode goes by the SQLSTATE (PostgreSQL documentation, appendix A).
func explainCode(e *pgconn.PgError) error {
	safe := &refusal{Code: e.Code, Severity: e.Severity}
	switch e.Code[:2] {
	case "23": // integrity constraint violation
		return &query.Violation{Constraint: e.ConstraintName, Cause: safe}
	case "40": // transaction rollback: serialisation failure, deadlock
		return fmt.Errorf("%w: %w", session.ErrConflict, safe)
	case "08", "53", "57", "58": // connection, resources, operator, system
		return fmt.Errorf("%w: %w", session.ErrUnavailable, safe)
	}
	switch e.Code {
	case "55P03": // lock_not_available
		return fmt.Errorf("%w: a lock was not to be had in time: %w", session.ErrUnavailable, safe)
	case "25006": // read_only_sql_transaction
		return fmt.Errorf("the server takes no writes here: %w", safe)
	}
	return fmt.Errorf("%s: %w", e.Message, safe)
}

// refusal is what of a server's error never holds a value.
type refusal struct{ Code, Severity string }

func (r *refusal) Error() string { return "PostgreSQL " + r.Severity + " " + r.Code }
