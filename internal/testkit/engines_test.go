package testkit_test

import (
	"bytes"
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/musterhq/muster/engine/postgres/postgrestest"
	"github.com/musterhq/muster/internal/schema"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// TestDomainsOnBothEngines runs the tests of every room that has a store, on
// each engine, and prepares what either run on both: a query is one text, and
// PostgreSQL and SQLite take it. The tests are compiled once, and without the
// race detector, which watches them in runs of their own.
func TestDomainsOnBothEngines(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t, "fsync = off")
	packages, programs := domains(t), t.TempDir()
	compile(t, programs, packages)
	onPostgres, onSQLite := t.TempDir(), t.TempDir()
	t.Run("tests", func(t *testing.T) {
		for _, folder := range packages {
			program := filepath.Join(programs, filepath.Base(folder)+".test")
			for _, on := range []struct{ engine, server, texts string }{
				{"PostgreSQL", server.URL(), onPostgres}, {"SQLite", "", onSQLite},
			} {
				t.Run(filepath.Base(folder)+" on "+on.engine, func(t *testing.T) {
					t.Parallel()
					runTests(t, program, folder, testkit.ServerVariable+"="+on.server, testkit.TextsVariable+"="+on.texts)
				})
			}
		}
	})
	checkTexts(t, server, textsIn(t, onPostgres), textsIn(t, onSQLite))
}

// ofTests is in the names of tables and columns that tests of copies add to a
// schema: no other database has them.
const ofTests = "copied_"

// checkTexts prepares every text on both engines.
func checkTexts(t *testing.T, server *postgrestest.Server, onPostgres, onSQLite map[string]bool) {
	t.Helper()
	all := maps.Clone(onPostgres)
	maps.Copy(all, onSQLite)
	maps.DeleteFunc(all, func(text string, _ bool) bool { return strings.Contains(text, ofTests) })
	if len(all) < 300 {
		t.Errorf("the tests of all domains ran only %d texts", len(all))
	}
	url := server.Database(t)
	if _, err := schema.MigratePostgres(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	lite, _ := testkit.OpenFile(t)
	for text := range all {
		prepareOnPostgres(t, conn, text)
		prepareOnSQLite(t, lite, text)
	}
	checkShare(t, all, onPostgres, onSQLite)
}

// mostTwice is how many of a hundred queries may have a text for each engine.
const mostTwice = 5

// checkShare prints the texts that ran on one engine only, which is what a query
// with two would do, and those in which a fragment is spelled in two ways.
func checkShare(t *testing.T, all, onPostgres, onSQLite map[string]bool) {
	t.Helper()
	alone, fragments := 0, 0
	for _, text := range slices.Sorted(maps.Keys(all)) {
		if !onPostgres[text] || !onSQLite[text] {
			alone++
			t.Logf("on PostgreSQL: %t, on SQLite: %t: %s", onPostgres[text], onSQLite[text], text)
		}
		if strings.Contains(text, "{") {
			fragments++
		}
	}
	t.Logf("of %d texts, %d ran on one engine only, and %d have a fragment", len(all), alone, fragments)
	if 100*alone > mostTwice*len(all) {
		t.Errorf("%d of %d texts ran on one engine only, which is more than %d %%", alone, len(all), mostTwice)
	}
}

// compile compiles the tests of packages into a folder. It does not vet them:
// that is done where they run themselves.
func compile(t *testing.T, into string, packages []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"test", "-c", "-vet=off", "-o", into + "/"}, packages...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("compiling the tests of all domains: %v\n%s", err, out)
	}
}

// runTests runs compiled tests in the folder of their package, but for those that
// need no store of testkit.Open.
func runTests(t *testing.T, program, folder string, variables ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, "-test.timeout=10m", "-test.paniconexit0", "-test.skip="+onClusters(t, folder))
	cmd.Dir, cmd.Env = folder, append(os.Environ(), variables...)
	if out, err := cmd.CombinedOutput(); err != nil || bytes.Contains(out, []byte("no tests to run")) {
		t.Errorf("%v\n%s", err, out)
	}
}

var testName = regexp.MustCompile(`(?m)^func (Test\w+)\(`)

// onClusters is a pattern of the tests in files that start PostgreSQL clusters of
// their own. They are the same whichever engine the others are on, and are run
// with the package itself.
func onClusters(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(content, []byte("postgrestest.Start(")) {
			continue
		}
		for _, match := range testName.FindAllSubmatch(content, -1) {
			names = append(names, string(match[1]))
		}
	}
	return "^(" + strings.Join(names, "|") + ")$"
}

// textsIn returns the queries and changes that stores noted in a folder, without
// what tests ask the database about itself.
func textsIn(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	texts := make(map[string]bool)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			text, err := strconv.Unquote(strings.TrimSuffix(line, "\n"))
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			switch verb, _, _ := strings.Cut(strings.TrimSpace(text), " "); verb {
			case "select", "insert", "update", "delete", "with":
				texts[strings.Join(strings.Fields(text), " ")] = true
			}
		}
	}
	return texts
}

// domains are the packages whose tests open a store.
func domains(t *testing.T) (packages []string) {
	t.Helper()
	files, err := filepath.Glob("../*/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if folder := filepath.Dir(file); bytes.Contains(content, []byte("testkit.Open(")) && folder != "../testkit" {
			packages = append(packages, "./"+folder)
		}
	}
	return slices.Compact(packages)
}

func prepareOnPostgres(t *testing.T, conn *pgx.Conn, text string) {
	t.Helper()
	rendered, err := query.Render(query.Postgres, text)
	if err != nil {
		t.Errorf("%v in %s", err, text)
		return
	}
	if _, err := conn.Prepare(t.Context(), "", rendered); err != nil {
		t.Errorf("PostgreSQL: %v in %s", err, text)
	}
}

func prepareOnSQLite(t *testing.T, db *session.DB, text string) {
	t.Helper()
	none := make([]any, arguments(text))
	err := db.Read(t.Context(), func(r *session.Read) error {
		_, err := session.Run(t.Context(), r, query.Many("explain "+text, func(query.Row) (bool, error) { return true, nil }, none...))
		return err
	})
	if err != nil {
		t.Errorf("SQLite: %v in %s", err, text)
	}
}
