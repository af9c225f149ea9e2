package schema

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/ncruces/go-sqlite3/driver"
	"github.com/pressly/goose/v3"

	"github.com/musterhq/muster/internal/fault"
)

//go:embed migrations
var migrations embed.FS

// ErrNewer is the fault for a database that a newer program has migrated.
var ErrNewer = fault.New(fault.Conflict, "newer_store",
	"A newer version of Muster has migrated this database. Use that version, or restore an older backup.")

// State describes the migrations of a database.
type State struct {
	Version int64    `json:"version"` // of the last applied migration; 0 for none
	Latest  int64    `json:"latest"`  // the last version that this program knows
	Applied []string `json:"applied"` // by this call, in order
	Pending []string `json:"pending"`
}

// Migrate brings the SQLite database in the file up to date, creating the file if
// necessary; it only reads a database that is up to date. Two processes may call
// it at once: one waits for the other. Each migration has its own transaction.
// Faults: newer_store.
func Migrate(ctx context.Context, file string) (State, error) {
	if s, err := Inspect(ctx, file); err != nil || len(s.Pending) == 0 {
		return s, err
	}
	unlock, err := lock(ctx, file)
	if err != nil {
		return State{}, err
	}
	defer unlock()
	if s, err := Inspect(ctx, file); err != nil || len(s.Pending) == 0 {
		return s, err // the other process has migrated it, or is newer
	}
	applied, err := up(ctx, file)
	if err != nil {
		return State{}, fmt.Errorf("migrating the database: %w", err)
	}
	s, err := Inspect(ctx, file)
	s.Applied = applied
	return s, err
}

// Inspect returns the state of the database in the file, without changing it; a
// file that does not exist has no migrations. Faults: newer_store.
func Inspect(ctx context.Context, file string) (State, error) {
	v, err := version(ctx, file)
	if err != nil {
		return State{}, fmt.Errorf("reading the version of the database: %w", err)
	}
	return stateOf("sqlite", v)
}

// stateOf returns the state of a database of that version. Faults: newer_store.
func stateOf(dialect string, version int64) (State, error) {
	known, err := sources(dialect)
	if err != nil {
		return State{}, err
	}
	s := State{Applied: []string{}, Pending: []string{}, Version: version, Latest: int64(len(known))}
	if s.Version > s.Latest {
		return s, ErrNewer.Because(fmt.Errorf("the database has version %d, the program knows %d", s.Version, s.Latest))
	}
	for _, name := range known[s.Version:] {
		s.Pending = append(s.Pending, strings.TrimSuffix(name, ".sql"))
	}
	return s, nil
}

// sources returns the names of the migrations, which are numbered from 1 without
// gaps.
func sources(dialect string) ([]string, error) {
	entries, err := migrations.ReadDir("migrations/" + dialect)
	if err != nil {
		return nil, fmt.Errorf("listing the migrations: %w", err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

func version(ctx context.Context, file string) (v int64, err error) {
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	db, err := open(file, "mode=ro")
	if err != nil {
		return 0, err
	}
	defer db.Close()
	return versionOf(ctx, db, "select count(*) > 0 from sqlite_schema where name = '"+goose.DefaultTablename+"'")
}

// versionOf returns the version of a database; exists asks whether it has the table
// of versions.
func versionOf(ctx context.Context, db *sql.DB, exists string) (v int64, err error) {
	var found bool
	if err := db.QueryRowContext(ctx, exists).Scan(&found); err != nil || !found {
		return 0, err
	}
	err = db.QueryRowContext(ctx, "select coalesce(max(version_id), 0) from "+goose.DefaultTablename).Scan(&v)
	return v, err
}

// lock keeps other processes from migrating the same database. It is SQLite's own
// lock on an empty database beside it, which the system releases when a process
// dies.
func lock(ctx context.Context, file string) (unlock func(), err error) {
	db, err := open(file+".migrating", "mode=rwc")
	if err != nil {
		return nil, fmt.Errorf("locking the database for migration: %w", err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "begin exclusive"); err != nil {
		_ = db.Close() // the first error matters
		return nil, fmt.Errorf("waiting for another process to migrate: %w", err)
	}
	return func() { _ = db.Close() }, nil // nothing was written
}

func up(ctx context.Context, file string) (names []string, err error) {
	db, err := open(file, "mode=rwc")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return apply(ctx, db, goose.DialectSQLite3, "sqlite")
}

// apply applies the pending migrations of a dialect, and returns their names.
func apply(ctx context.Context, db *sql.DB, dialect goose.Dialect, folder string, options ...goose.ProviderOption) (names []string, err error) {
	files, err := fs.Sub(migrations, "migrations/"+folder)
	if err != nil {
		return nil, err
	}
	p, err := goose.NewProvider(dialect, db, files, options...)
	if err != nil {
		return nil, err
	}
	results, err := p.Up(ctx)
	for _, r := range results {
		names = append(names, strings.TrimSuffix(path.Base(r.Source.Path), ".sql"))
	}
	return names, err
}

// open opens a file by its URI, whose path may contain any character.
func open(file, mode string) (*sql.DB, error) {
	absolute, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	uri := url.URL{Scheme: "file", Path: filepath.ToSlash(absolute), RawQuery: mode + "&_pragma=busy_timeout(60000)"}
	return driver.Open(uri.String())
}
