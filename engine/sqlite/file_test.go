package sqlite_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/musterhq/muster/engine/sqlite"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

func TestFilesThatCannotServe(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		prepare func(t *testing.T, path string)
		want    string
	}{
		"no directory": {func(*testing.T, string) {}, "check that its directory exists"},
		"not a database": {func(t *testing.T, path string) {
			write(t, path, []byte(strings.Repeat("not a database. ", 1000)))
		}, "damaged"},
		"a directory": {func(t *testing.T, path string) {
			if err := os.MkdirAll(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "cannot be opened"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "data", "muster.db")
			if name != "no directory" {
				if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			test.prepare(t, path)
			e, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
			if err == nil {
				_ = e.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error %q does not say %q", err, test.want)
			}
		})
	}
}

func TestDamageIsReportedAndHarmsNothingElse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "muster.db")
	func() {
		e, db := store(t, sqlite.Options{Path: path})
		changes := []query.Change{query.Exec(`create table filler (v text)`)}
		for range 500 {
			changes = append(changes, query.Exec(`insert into filler (v) values ($1)`, strings.Repeat("x", 1000)))
		}
		if err := add(t.Context(), db, changes...); err != nil {
			t.Fatal(err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 2 * 4096; i < len(data); i += 4096 { // every page except the first two
		copy(data[i:], "damage damage damage")
	}
	write(t, path, data)
	_, db := store(t, sqlite.Options{Path: path})
	err = db.Read(t.Context(), func(r *session.Read) error {
		_, err := session.Run(t.Context(), r, query.Scalar[int](`select count(v) from filler`))
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("got %v, want an error that names the damage", err)
	}
}

// childVariable makes TestChildThatIsKilled write notes, and print each that is
// acknowledged.
const childVariable = "MUSTER_TEST_CHILD_DATABASE"

func TestChildThatIsKilled(t *testing.T) {
	path := os.Getenv(childVariable)
	if path == "" {
		return
	}
	_, db := store(t, sqlite.Options{Path: path})
	together(t, 8, func(worker int) error {
		for i := 0; ; i++ {
			id := worker*1_000_000 + i
			if err := add(t.Context(), db, note(id)); err != nil {
				return err
			}
			fmt.Printf("acknowledged %d\n", id)
		}
	})
}

func TestWhatIsAcknowledgedSurvivesAKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "muster.db")
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChildThatIsKilled$", "-test.timeout=60s")
	child.Env = append(os.Environ(), childVariable+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var acknowledged []int
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if digits, ok := strings.CutPrefix(lines.Text(), "acknowledged "); ok {
			id, err := strconv.Atoi(digits)
			if err != nil {
				continue // the line in which it was killed
			}
			if acknowledged = append(acknowledged, id); len(acknowledged) == 300 {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := child.Wait(); err == nil || len(acknowledged) < 300 {
		t.Fatalf("the child ended on its own after %d notes: %v", len(acknowledged), err)
	}
	_, db := store(t, sqlite.Options{Path: path})
	var missing []int
	err = db.Read(t.Context(), func(r *session.Read) error {
		for _, id := range acknowledged {
			found, err := session.Run(t.Context(), r, query.Scalar[bool](`select exists (select 1 from note where id = $1)`, id))
			if err != nil {
				return err
			}
			if !found {
				missing = append(missing, id)
			}
		}
		return nil
	})
	if err != nil || len(missing) > 0 {
		t.Errorf("lost %v (%v)", missing, err)
	}
}

func TestSettingsOfConnections(t *testing.T) {
	t.Parallel()
	_, db := store(t, sqlite.Options{})
	settings := map[string]int{"foreign_keys": 1, "synchronous": 2}
	for pragma, want := range settings {
		q := query.Scalar[int](`select * from pragma_` + pragma)
		err := db.Write(t.Context(), func(w *session.Write) error {
			got, err := session.Run(t.Context(), w, q)
			if got != want {
				t.Errorf("%s of the writer is %d, want %d", pragma, got, want)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	for name, q := range map[string]query.Query[int]{
		"foreign_keys": query.Scalar[int](`select * from pragma_foreign_keys`),
		"query_only":   query.Scalar[int](`select * from pragma_query_only`),
	} {
		err := db.Read(t.Context(), func(r *session.Read) error {
			got, err := session.Run(t.Context(), r, q)
			if got != 1 {
				t.Errorf("%s of a reader is %d, want 1", name, got)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestStatementsAreForgotten(t *testing.T) {
	t.Parallel()
	_, db := store(t, sqlite.Options{Readers: 1})
	for i := range 2000 { // far more texts than a connection keeps
		err := db.Read(t.Context(), func(r *session.Read) error {
			got, err := session.Run(t.Context(), r, query.Scalar[int](fmt.Sprintf(`select %d`, i)))
			if got != i {
				t.Errorf("got %d, want %d", got, i)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
