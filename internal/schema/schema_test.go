package schema_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "github.com/ncruces/go-sqlite3/driver"

	"github.com/musterhq/muster/internal/schema"
)

func TestMigrate(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a store?#%.db")
	before, err := schema.Inspect(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if before.Version != 0 || len(before.Pending) == 0 || before.Latest != int64(len(before.Pending)) {
		t.Errorf("a missing file: got %+v", before)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Inspect made the file: %v", err)
	}
	done, err := schema.Migrate(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before.Pending, done.Applied); diff != "" || done.Version != done.Latest || len(done.Pending) != 0 {
		t.Errorf("after migrating: %+v\n%s", done, diff)
	}
	again, err := schema.Migrate(t.Context(), file)
	if err != nil || len(again.Applied) != 0 {
		t.Errorf("a second time: got %+v, %v; want nothing applied", again, err)
	}
}

func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "muster.db")
	var wg sync.WaitGroup
	applied := make([]int, 8)
	for i := range applied {
		wg.Go(func() {
			s, err := schema.Migrate(context.Background(), file)
			if err != nil {
				t.Errorf("caller %d: %v", i, err)
			}
			applied[i] = len(s.Applied)
		})
	}
	wg.Wait()
	callers := 0
	for _, n := range applied {
		callers += min(n, 1)
	}
	if callers != 1 {
		t.Errorf("%d callers applied migrations (%v); want 1", callers, applied)
	}
}

func TestNewerStore(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "muster.db")
	if _, err := schema.Migrate(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("insert into goose_db_version (version_id, is_applied) values (9000, 1)"); err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func(context.Context, string) (schema.State, error){
		"Migrate": schema.Migrate, "Inspect": schema.Inspect,
	} {
		if _, err := call(t.Context(), file); !errors.Is(err, schema.ErrNewer) {
			t.Errorf("%s: got %v, want %v", name, err, schema.ErrNewer)
		}
	}
}

func TestDamagedFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "muster.db")
	if err := os.WriteFile(file, []byte("this is no database, it is a letter to a friend, long enough to fill a header"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := schema.Migrate(t.Context(), file); err == nil {
		t.Error("a file that is no database was migrated")
	}
}

func TestConstraintsHaveNames(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "muster.db")
	if _, err := schema.Migrate(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, index := range []string{"users_phone_key", "users_external_id_key", "subscription_current_key", "api_tokens_hash_key", "idempotency_key"} {
		var n int
		err := db.QueryRow(`select count(*) from sqlite_schema where type = 'index' and name = ? and sql like 'create unique index%'`, index).Scan(&n)
		if err != nil || n != 1 {
			t.Errorf("unique index %s: got %d, %v", index, n, err)
		}
	}
}
