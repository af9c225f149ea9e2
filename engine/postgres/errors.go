package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// Errors of an engine or a node that cannot serve.
var (
	errClosed = fmt.Errorf("%w: it is closed", session.ErrUnavailable)
	errDown   = fmt.Errorf("%w: the server does not answer", session.ErrUnavailable)
)

// explain wraps a driver's error with what it means for a session. The server's
// message is left out if it can hold a value (a key that exists already).
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
		return unreachable(connect)
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
	if err := explainPooler(safe, e.Message); err != nil {
		return err
	}
	switch e.Code[:2] {
	case "23": // integrity constraint violation
		return &query.Violation{Constraint: e.ConstraintName, Cause: safe}
	case "40": // transaction rollback: serialisation failure, deadlock
		return fmt.Errorf("%w: %w", session.ErrConflict, safe)
	case "08", "53", "57", "58": // connection, resources, operator, system
		return fmt.Errorf("%w: %w", session.ErrUnavailable, safe)
	}
	switch e.Code {
	case "25P03": // idle_in_transaction_session_timeout
		return fmt.Errorf("%w: %w", session.ErrExpired, safe)
	case "55P03": // lock_not_available
		return fmt.Errorf("%w: a lock was not free in time: %w", session.ErrUnavailable, safe)
	case "25006": // read_only_sql_transaction
		return fmt.Errorf("the server takes no writes in this session: %w", safe)
	}
	return fmt.Errorf("%s: %w", e.Message, safe)
}

// explainPooler returns the error for a refusal that only a pooler makes, or that
// comes of its swapping connections: a prepared statement that is unknown, or
// exists already. It returns nil for others.
func explainPooler(refused *refusal, message string) error {
	refusedAtStart := refused.Code == "08P01" && strings.Contains(message, "startup parameter")
	if refusedAtStart || refused.Code == "26000" || refused.Code == "42P05" {
		return fmt.Errorf("a pooler in transaction mode stands before the server: add pool_mode=transaction to the address: %w", refused)
	}
	return nil
}

// refusal is the part of a server's error that never holds a value.
type refusal struct{ Code, Severity string }

func (r *refusal) Error() string { return "PostgreSQL " + r.Severity + " " + r.Code }

// ServerError is a problem of one of the servers that [Open] was given. Its text
// is for the person who set the server up, and holds no secret. It is
// [session.ErrUnavailable] if the problem may pass by itself.
type ServerError struct {
	Name    string // "primary", or "replica 1" and so on, in the order of the options
	Replica int    // its place among the replicas, from 1; 0 is the primary
	Err     error
}

func (e *ServerError) Error() string { return e.Name + ": " + e.Err.Error() }

// Unwrap returns the problem.
func (e *ServerError) Unwrap() error { return e.Err }

// Explain returns an error that says, to the person who set the server up, what
// a failed connection or a statement that the account may not run means, and
// what to do about it. It returns other errors as they are.
func Explain(err error) error {
	var refused *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &refused):
		return advise(refused)
	case errors.As(err, &connect):
		return unreachable(connect)
	default:
		return err
	}
}

// advise goes by the SQLSTATE. It quotes the server's message if that names what
// was not found; such messages are about accounts and tables, not values.
func advise(e *pgconn.PgError) error {
	switch e.Code {
	case "28P01": // invalid_password
		return errors.New("it refuses the password: correct it in the address, in PGPASSWORD or in the password file")
	case "28000": // invalid_authorization_specification
		return fmt.Errorf("it does not let this account in (%s): correct the user or sslmode in the address, or allow it in the server's pg_hba.conf", e.Message)
	case "3D000": // invalid_catalog_name
		return fmt.Errorf("%s: create it with createdb, or correct the name at the end of the address", e.Message)
	case "42501": // insufficient_privilege
		return fmt.Errorf("the account lacks a privilege (%s): make it the owner of the database, or grant it what is missing", e.Message)
	case "08P01": // protocol_violation, from a pooler
		return fmt.Errorf("something between here and the server refuses the connection (%s): if it is a pooler in transaction mode, add pool_mode=transaction to the address", e.Message)
	case "53300": // too_many_connections
		return fmt.Errorf("%w: it has no connection left: raise its max_connections, or take smaller pools", session.ErrUnavailable)
	case "57P03": // cannot_connect_now
		return fmt.Errorf("%w: it is starting or stopping: try again in a moment", session.ErrUnavailable)
	}
	return explainCode(e)
}

// unreachable returns why a connection failed. It is [session.ErrUnavailable],
// because that may pass, except for a mismatch of TLS.
func unreachable(e *pgconn.ConnectError) error {
	var noHost *net.DNSError
	var noTrust *tls.CertificateVerificationError
	where := net.JoinHostPort(e.Config.Host, strconv.Itoa(int(e.Config.Port)))
	switch {
	case errors.As(e, &noTrust):
		return fmt.Errorf("its certificate is not trusted here, or is not for %s: name its authority with sslrootcert=FILE, or correct the host (%w)", e.Config.Host, noTrust)
	case strings.Contains(e.Error(), "server refused TLS connection"):
		return fmt.Errorf("the server at %s does not speak TLS: turn ssl on there or, on a trusted network, write sslmode=disable", where)
	case errors.As(e, &noHost):
		return fmt.Errorf("%w: the host %s has no address: correct it", session.ErrUnavailable, e.Config.Host)
	case errors.Is(e, syscall.ECONNREFUSED), errors.Is(e, syscall.ENOENT):
		return fmt.Errorf("%w: nobody listens at %s: start the server, have it listen there, or correct host and port", session.ErrUnavailable, where)
	case errors.Is(e, context.DeadlineExceeded), pgconn.Timeout(e):
		return fmt.Errorf("%w: %s does not answer: check host and port, and the network between", session.ErrUnavailable, where)
	default:
		return fmt.Errorf("%w: %s cannot be reached", session.ErrUnavailable, where)
	}
}

// minVersion is the oldest PostgreSQL that takes the SQL that we write.
const minVersion = 15

// checkVersion checks the version that the server names when a connection starts.
func checkVersion(text string) error {
	major := text[:len(text)-len(strings.TrimLeft(text, "0123456789"))] // of 15.18 (Debian), or 19beta1
	if n, err := strconv.Atoi(major); err != nil || n < minVersion {
		return fmt.Errorf("it is PostgreSQL %.30s, and Muster needs %d or later: upgrade it", text, minVersion)
	}
	return nil
}
