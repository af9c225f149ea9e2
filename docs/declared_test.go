package docs_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// addition is what somebody writes to declare a field and a relation: lines of
// text, each behind a line that is there.
type addition struct{ file, behind, text string }

// additions are everything that has to be touched for a field, shoe_size, and a
// relation, vehicle.
var additions = []addition{
	// The field: its line, and two migrations.
	{"internal/member/details.go", "type Profile struct {\n", "\tShoeSize *int `json:\"shoe_size\" doc:\"The shoe size.\" example:\"42\" minimum:\"10\" maximum:\"60\"`\n"},
	// The relation: its type, a line of the list, a field of Detail, and two migrations.
	{"internal/member/relations.go", "var relations = []relation{\n", "\tone(\"vehicle\", func(d *Detail) **Vehicle { return &d.Vehicle }),\n"},
	{"internal/member/member.go", "type Detail struct {\n\tUser\n", "\tVehicle *Vehicle `json:\"vehicle\" doc:\"The vehicle; null if there is none.\"`\n"},
}

const vehicleType = `
// Vehicle is what a member drives.
type Vehicle struct {
	Plate   *string  ` + "`json:\"plate\" doc:\"The number plate.\" maxLength:\"20\"`" + `
	Colours []string ` + "`json:\"colours\" doc:\"The colours.\"`" + `
}
`

var throwawayMigrations = map[string]string{
	"sqlite": `-- +goose Up
alter table profile add column shoe_size integer;
create table vehicle (
  member_id blob not null references users (id) on delete cascade,
  plate     text,
  colours   text,
  primary key (member_id)
) strict, without rowid;
`,
	"postgres": `-- +goose Up
alter table profile add column shoe_size integer;
create table vehicle (
  member_id uuid not null references users (id) on delete cascade,
  plate     text,
  colours   jsonb,
  primary key (member_id)
);
`,
}

// TestFieldsAreDeclaredOnce adds a field and a relation to a copy of the tree, as
// the recipes of ARCHITECTURE.md say, and runs a test there that uses them: the
// API, its document, the audit log, import, export and the copy of a database
// know both, and nothing else was touched.
func TestFieldsAreDeclaredOnce(t *testing.T) {
	t.Parallel()
	root := copyTree(t)
	for _, a := range additions {
		edit(t, filepath.Join(root, a.file), func(text string) string {
			before, after, found := strings.Cut(text, a.behind)
			if !found {
				t.Fatalf("%s has no %q any more", a.file, a.behind)
			}
			return before + a.behind + a.text + after
		})
	}
	edit(t, filepath.Join(root, "internal/member/details.go"), func(text string) string { return text + vehicleType })
	for engine, sql := range throwawayMigrations {
		dir := filepath.Join(root, "internal/schema/migrations", engine)
		known, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, fmt.Sprintf("%04d_throwaway.sql", len(known)+1)), sql)
	}
	source, err := os.ReadFile("testdata/throwaway_test.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(root, "internal/httpapi/throwaway_test.go"), string(source))
	run(t, root, "go", "test", "-count=1", "-run=^TestThrowaway", "./internal/httpapi")
	run(t, root, "go", "test", "-count=1", "-run=^TestSchemas", "./internal/schema")
}

// copyTree copies the module's sources into a folder of the test's own.
func copyTree(t *testing.T) string {
	t.Helper()
	to := t.TempDir()
	from := os.DirFS("..")
	err := fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{".git", "bin", "node_modules", "muster-data"}, d.Name()) {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		content, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), content, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func edit(t *testing.T, file string, change func(string) string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, file, change(string(text)))
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, folder, name string, args ...string) {
	t.Helper()
	c := exec.CommandContext(context.WithoutCancel(t.Context()), name, args...)
	c.Dir = folder
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(c.Args, " "), err, out)
	}
}
