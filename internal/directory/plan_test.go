package directory_test

import (
	"database/sql"
	"maps"
	"slices"
	"strings"
	"testing"

	_ "github.com/ncruces/go-sqlite3/driver"

	"github.com/musterhq/muster/internal/directory"
	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/testkit"
	"github.com/musterhq/muster/query"
)

// explain gives the steps of SQLite's plans for statements.
func explain(t *testing.T, file string, statements []string) map[string][]string {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	plans := make(map[string][]string)
	for _, statement := range statements {
		text, err := query.Render(query.SQLite, statement)
		if err != nil {
			t.Fatalf("%v in %s", err, statement)
		}
		args := make([]any, strings.Count(text, "?"))
		rows, err := db.Query("explain query plan "+text, args[:highest(text)]...)
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Fatal(err)
			}
			plans[statement] = append(plans[statement], step)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		_ = rows.Close() //nolint:sqlclosecheck // at the end of each turn of the loop
	}
	return plans
}

// highest is the highest number of a placeholder.
func highest(text string) (most int) {
	for i := range text {
		n := 0
		for j := i + 1; text[i] == '?' && j < len(text) && '0' <= text[j] && text[j] <= '9'; j++ {
			n = n*10 + int(text[j]-'0')
		}
		most = max(most, n)
	}
	return most
}

// TestPlans holds every statement of a request to an index: none scans a table
// of members, and none sorts more than the rows of a bounded subquery.
func TestPlans(t *testing.T) {
	t.Parallel()
	_, file := testkit.OpenFile(t)
	cursors := map[directory.SortKey]string{directory.ByUpdated: now.Format("2006-01-02T15:04:05Z07:00"), directory.ByName: "x", directory.ByBirthYear: "1980"}
	statements := make(map[string][]string)
	for name, f := range filters() {
		for _, f.Deleted = range []directory.Deleted{directory.WithoutDeleted, directory.OnlyDeleted} {
			for _, by := range []directory.SortKey{directory.ByCreated, directory.ByUpdated, directory.ByName, directory.ByBirthYear} {
				for _, ascending := range []bool{false, true} {
					s := directory.Sort{By: by, Ascending: ascending}
					o := directory.ListOptions{Filter: f, Sort: s}
					key := name + ", " + string(f.Deleted) + ", " + s.String()
					statements[key] = directory.ListStatements(o)
					o.After = &directory.Cursor{Sort: s.String(), Value: cursors[by], ID: ids.New[ids.Member](now)}
					statements[key+" after"] = directory.ListStatements(o)
				}
			}
		}
	}
	search, err := directory.SearchStatements("0190a5c6", korea)
	if err != nil {
		t.Fatal(err)
	}
	statements["search"] = search
	var d member.Detail
	var attach []func(*member.Detail)
	var phones, known []string
	statements["load"] = query.Statements(
		query.Into(&d, member.Load(ids.Member{}, member.WithAll)),
		query.Into(&attach, member.RelationsOf(nil, member.WithAll)),
		query.Into(&phones, member.TakenPhones(nil)),
		query.Into(&known, member.KnownExternalIDs(nil)))

	keys := make(map[string]string) // by text, many of which are alike
	for key, texts := range statements {
		for _, text := range texts {
			keys[text] = key
		}
	}
	for text, steps := range explain(t, file, slices.Collect(maps.Keys(keys))) {
		for _, step := range steps {
			if unbounded(step, text) {
				t.Errorf("%s: %s\n%s\n%s", keys[text], step, text, strings.Join(steps, "\n"))
				break
			}
		}
	}
}

// unbounded reports whether a step of a plan can take long: a scan, unless it
// ends with the page or with what a total looks at, and a sort, unless it is of
// the rows of a bounded subquery.
func unbounded(step, text string) bool {
	limited := strings.Contains(text, "limit")
	switch {
	case strings.HasPrefix(step, "SCAN u"):
		return !limited || !strings.Contains(text, "order by") && !strings.Contains(text, "count(")
	case step == "SCAN p": // the first photo or document of each member, in the order of the key
		return !limited || !strings.Contains(text, "and x.id < p.id")
	case strings.HasPrefix(step, "SCAN p"), strings.HasPrefix(step, "SCAN b"):
		return true
	case strings.Contains(step, "TEMP B-TREE"):
		return !strings.Contains(text, "member_delta") && // eighteen groups
			!strings.Contains(text, ") n cross join users u") && // a subquery with a limit
			!strings.Contains(text, "from photos") && !strings.Contains(text, "from documents") && // of a page
			!strings.Contains(text, "u.id in (select unhex(value)") // candidates
	}
	return false
}
