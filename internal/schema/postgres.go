package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	advisory "github.com/pressly/goose/v3/lock"
)

// MigratePostgres is [Migrate] for the PostgreSQL database at the address; an
// empty one is filled. Programs that call it at once wait for each other, on an
// advisory lock, so that the address must not lead through a pooler that swaps
// connections. Its errors never hold the address. Faults: newer_store.
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

// InspectPostgres is [Inspect] for the PostgreSQL database at the address.
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
	var there bool
	err = db.QueryRowContext(ctx, "select to_regclass('"+goose.DefaultTablename+"') is not null").Scan(&there)
	if err != nil || !there {
		return 0, nameless(err)
	}
	err = db.QueryRowContext(ctx, "select coalesce(max(version_id), 0) from "+goose.DefaultTablename).Scan(&v)
	return v, nameless(err)
}

func upPostgres(ctx context.Context, url string) (names []string, err error) {
	db, err := openPostgres(url)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	folder, err := fs.Sub(migrations, "migrations/postgres")
	if err != nil {
		return nil, err
	}
	locker, err := advisory.NewPostgresSessionLocker(advisory.WithLockTimeout(1, 300))
	if err != nil {
		return nil, err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, folder, goose.WithSessionLocker(locker))
	if err != nil {
		return nil, err
	}
	names, err = applied(p.Up(ctx))
	return names, nameless(err)
}

func openPostgres(url string) (*sql.DB, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil { // its text holds the address
		return nil, errors.New("the address is not valid: it has the form postgres://user@host:port/database?sslmode=verify-full")
	}
	delete(config.RuntimeParams, "pool_mode") // ours, for the engine
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	return stdlib.OpenDB(*config), nil
}

// nameless is a failure to connect without the host and the account that the
// driver puts into its text.
func nameless(err error) error {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); !ok {
		return err
	}
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return fmt.Errorf("the server refused the connection: %s (%s)", refused.Message, refused.Code)
	}
	return errors.New("the server cannot be reached")
}
