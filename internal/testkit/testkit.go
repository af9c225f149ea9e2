package testkit

import (
	"path/filepath"
	"testing"

	"github.com/musterhq/muster/engine/sqlite"
	"github.com/musterhq/muster/internal/schema"
	"github.com/musterhq/muster/session"
)

// Open gives a migrated store on a new file, which is closed and removed with
// the test.
func Open(t testing.TB) *session.DB {
	t.Helper()
	db, _ := OpenFile(t)
	return db
}

// OpenFile is Open, with the path of the database file.
func OpenFile(t testing.TB) (*session.DB, string) {
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
	return session.New(engine), file
}
