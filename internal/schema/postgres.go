package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	advisory "github.com/pressly/goose/v3/lock"
)

// MigratePostgres is [Migrate] for the PostgreSQL database at the URL, which may be
// empty. Concurrent calls wait for each other on an advisory lock, so the URL must
// not lead through a pooler that switches connections. Its errors never contain the
// URL. Faults: newer_store.
func MigratePostgres(ctx context.Context, url string) (State, error) {
	if s, err := InspectPostgres(ctx, url); err != nil || len(s.Pending) == 0 {
		return s, err
	}
	names, err := upPostgres(ctx, url)
	if err != nil {
		return State{}, fmt.Errorf("migrating the database: %w", err)
	}
	s, err := InspectPostgres(ctx, url)
	s.Applied = append(s.Applied, names...)
	return s, err
}

// InspectPostgres is [Inspect] for the PostgreSQL database at the URL.
// Faults: newer_store.
func InspectPostgres(ctx context.Context, url string) (State, error) {
	v, err := versionPostgres(ctx, url)
	if err != nil {
		return State{}, fmt.Errorf("reading the version of the database: %w", err)
	}
	return stateOf("postgres", v)
}

func versionPostgres(ctx context.Context, url string) (v int64, err error) {
	db, err := openPostgres(url)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	v, err = versionOf(ctx, db, "select to_regclass('"+goose.DefaultTablename+"') is not null")
	return v, nameless(err)
}

func upPostgres(ctx context.Context, url string) (names []string, err error) {
	db, err := openPostgres(url)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	locker, err := advisory.NewPostgresSessionLocker(advisory.WithLockTimeout(1, 300))
	if err != nil {
		return nil, err
	}
	names, err = apply(ctx, db, goose.DialectPostgres, "postgres", goose.WithSessionLocker(locker))
	return names, nameless(err)
}

func openPostgres(url string) (*sql.DB, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil { // its text contains the URL
		return nil, errors.New("the URL is not valid; write postgres://user@host:port/database?sslmode=verify-full")
	}
	delete(config.RuntimeParams, "pool_mode") // ours, for the engine
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	return stdlib.OpenDB(*config), nil
}

// nameless returns err without the host and the account that the driver puts into
// the text of a failure to connect.
func nameless(err error) error {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); !ok {
		return err
	}
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return fmt.Errorf("the server refused the connection: %s (%s)", refused.Message, refused.Code)
	}
	return errors.New("cannot connect to the server")
}
