package testkit

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/musterhq/muster/engine/sqlite"
	"github.com/musterhq/muster/internal/schema"
	"github.com/musterhq/muster/session"
)

// Open returns a migrated store, which is closed and removed with the test: on a
// new file, or on the server that [ServerVariable] names.
func Open(t testing.TB) *session.DB {
	t.Helper()
	if server := os.Getenv(ServerVariable); server != "" {
		return openPostgres(t, server)
	}
	engine, _ := openFile(t)
	return session.New(noted(t, engine))
}

// OnPostgres reports whether [Open] creates its stores on a PostgreSQL server.
func OnPostgres() bool { return os.Getenv(ServerVariable) != "" }

// OpenFile returns a migrated store on a new file, and its path, for tests of what
// only SQLite does.
func OpenFile(t testing.TB) (*session.DB, string) {
	t.Helper()
	engine, file := openFile(t)
	return session.New(engine), file
}

func openFile(t testing.TB) (*sqlite.Engine, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "muster.db")
	if _, err := schema.Migrate(t.Context(), file); err != nil {
		t.Fatalf("migrating a new store: %v", err)
	}
	engine, err := sqlite.Open(t.Context(), sqlite.Options{Path: file})
	if err != nil {
		t.Fatalf("opening a new store: %v", err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	return engine, file
}
