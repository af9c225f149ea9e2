package docs_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// required lists the requirements of ASVS 5.0.0 that asvs.md answers: all of level
// 1 and 2 in these sections, each as number/level.
var required = map[string]string{
	"V3.4":  "1/1 2/1 3/2 4/2 5/2 6/2",
	"V4.1":  "1/1 2/2 3/2",
	"V4.2":  "1/2",
	"V4.3":  "1/2 2/2",
	"V4.4":  "1/1 2/2 3/2 4/2",
	"V7.1":  "1/2 2/2 3/2",
	"V7.2":  "1/1 2/1 3/1 4/1",
	"V7.3":  "1/2 2/2",
	"V7.4":  "1/1 2/1 3/2 4/2 5/2",
	"V7.5":  "1/2 2/2",
	"V7.6":  "1/2 2/2",
	"V8.1":  "1/1 2/2",
	"V8.2":  "1/1 2/1 3/2",
	"V8.3":  "1/1",
	"V8.4":  "1/2",
	"V9.1":  "1/1 2/1 3/1",
	"V9.2":  "1/1 2/2 3/2 4/2",
	"V11.1": "1/2 2/2",
	"V11.2": "1/2 2/2 3/2",
	"V11.3": "1/1 2/1 3/2",
	"V11.4": "1/1 2/2 3/2 4/2",
	"V11.5": "1/2",
	"V11.6": "1/2",
	"V12.1": "1/1 2/2 3/2",
	"V12.2": "1/1 2/1",
	"V12.3": "1/2 2/2 3/2 4/2",
	"V13.1": "1/2",
	"V13.2": "1/2 2/2 3/2 4/2 5/2",
	"V13.3": "1/2 2/2",
	"V13.4": "1/1 2/2 3/2 4/2 5/2",
	"V14.1": "1/2 2/2",
	"V14.2": "1/1 2/2 3/2 4/2",
	"V14.3": "1/1 2/2 3/2",
	"V16.1": "1/2",
	"V16.2": "1/2 2/2 3/2 4/2 5/2",
	"V16.3": "1/2 2/2 3/2 4/2",
	"V16.4": "1/2 2/2 3/2",
	"V16.5": "1/2 2/2 3/2",
}

// risks is the number of risks in the API Security Top 10.
const risks = 10

// row is a row of a table in asvs.md.
type row struct {
	name, level, asks, state, how, shown string
}

// TestSecurityIsAsWritten checks that asvs.md answers every requirement, and that
// a test or a document shows each one that is met.
func TestSecurityIsAsWritten(t *testing.T) {
	t.Parallel()
	text := read(t, "security/asvs.md")
	rows := map[string]row{}
	for _, cells := range tableRows(text, 6) {
		r := row{cells[0], cells[1], cells[2], cells[3], cells[4], cells[5]}
		if _, twice := rows[r.name]; twice {
			t.Errorf("%s has two rows", r.name)
		}
		rows[r.name] = r
		checkRow(t, r)
	}
	levels := wanted()
	for name, level := range levels {
		if r, there := rows[name]; !there || r.level != level {
			t.Errorf("%s of level %q is missing, or has the level %q", name, level, r.level)
		}
	}
	for name, r := range rows {
		if _, known := levels[name]; !known && r.level != "3" {
			t.Errorf("%s is not a requirement of level 1 or 2", name)
		}
	}
	checkNotMet(t, text, rows)
}

// wanted returns the level of each required row.
func wanted() map[string]string {
	levels := map[string]string{}
	for section, list := range required {
		for word := range strings.FieldsSeq(list) {
			number, level, _ := strings.Cut(word, "/")
			levels[section+"."+number] = level
		}
	}
	for i := range risks {
		levels[fmt.Sprintf("API%d:2023", i+1)] = ""
	}
	return levels
}

const shortestReason = 15 // characters; "no" is not a reason

func checkRow(t *testing.T, r row) {
	t.Helper()
	tests := testsOf(t, "asvs.md, "+r.name, r.shown)
	if r.asks == "" {
		t.Errorf("%s: write what it asks for", r.name)
	}
	switch r.state {
	case "met":
		if tests == 0 && !link.MatchString(r.how) {
			t.Errorf("%s is met: name a test or link to a document that shows it", r.name)
		}
	case "yours", "n/a", "not met":
		if len(r.how) < shortestReason && !strings.HasPrefix(r.how, "see above") {
			t.Errorf("%s is %s: write the reason", r.name, r.state)
		}
	default:
		t.Errorf("%s: %q is not a state", r.name, r.state)
	}
	for _, match := range anchored.FindAllStringSubmatch(r.how, -1) {
		if !slices.Contains(anchors(read(t, filepath.Join("security", match[1]))), match[2]) {
			t.Errorf("%s: %s has no heading %q", r.name, match[1], match[2])
		}
	}
}

// checkNotMet compares the list of requirements that are not met with the rows.
func checkNotMet(t *testing.T, text string, rows map[string]row) {
	t.Helper()
	listed := map[string]bool{}
	for _, cells := range tableRows(text, 3) {
		if listed[cells[0]] = true; rows[cells[0]].state != "not met" {
			t.Errorf("%s is listed as not met, but its row says %q", cells[0], rows[cells[0]].state)
		}
	}
	for name, r := range rows {
		if r.state == "not met" && !listed[name] {
			t.Errorf("%s is not met: add it to the list", name)
		}
	}
}

// TestThreatsAreShown checks that the tests that the threat model names exist, in
// any directory.
func TestThreatsAreShown(t *testing.T) {
	t.Parallel()
	all := map[string]bool{}
	for _, names := range allTests(t) {
		maps.Copy(all, names)
	}
	named := 0
	for _, cells := range tableRows(read(t, "security/README.md"), 4) {
		for _, name := range words(cells[3]) {
			if named++; !all[name] {
				t.Errorf("the threat model names %s, which does not exist", name)
			}
		}
	}
	if named < 10 {
		t.Errorf("the threat model names only %d tests", named)
	}
}

// TestDataIsClassified checks that every column of the schema has a level. A cell
// that says "all others" holds the rest of the columns of its table, and the row
// relations every other table of members, so that a new field of a member is
// personal; but one with a mask has to be listed as masked.
func TestDataIsClassified(t *testing.T) {
	t.Parallel()
	there := columns(t)
	rows := tableRows(section(t, "security/inventory.md", "Data"), 5)
	written, masked := map[string]bool{}, map[string]bool{}
	for _, cells := range rows {
		listed := words(strings.Join(cells[1:], " "))
		if cells[2] == "all others" {
			listed = append(listed, others(rows, cells[0], listed, there)...)
		}
		for _, column := range words(cells[3]) {
			masked[column] = true
		}
		for _, column := range listed {
			name := cells[0] + "." + column
			if strings.Contains(column, ".") {
				name = column
			}
			if written[name] {
				t.Errorf("%s has two levels", name)
			}
			written[name] = true
		}
	}
	compare(t, "the inventory of data", "the schema", written, there)
	if len(there) < 100 {
		t.Errorf("the schema has only %d columns", len(there))
	}
	checkMasks(t, masked)
}

// others returns the columns that belong to a row of the inventory and are not
// listed: of its table, or of the tables of members that have no row.
func others(rows [][]string, table string, listed []string, there map[string]bool) (names []string) {
	for name := range there {
		of, column, _ := strings.Cut(name, ".")
		own := slices.ContainsFunc(rows, func(cells []string) bool { return cells[0] == of })
		relation := table == "relations" && !own && there[of+".member_id"]
		if relation || of == table && !slices.Contains(listed, column) {
			names = append(names, name)
		}
	}
	return names
}

var maskTag = regexp.MustCompile(`json:"(\w+)".*\bmask:"`)

// checkMasks looks for the fields of members that have a mask among the masked
// columns of the inventory.
func checkMasks(t *testing.T, masked map[string]bool) {
	t.Helper()
	found := 0
	for _, file := range glob(t, "../internal/member/*.go") {
		for _, match := range maskTag.FindAllStringSubmatch(read(t, file), -1) {
			if found++; !masked[match[1]] {
				t.Errorf("%s has a mask: list it as masked in the inventory of data", match[1])
			}
		}
	}
	if found == 0 {
		t.Error("no field of a member has a mask")
	}
}

// TestCryptographyIsWritten checks that the inventory lists every import of a
// package of cryptography, hashes or random numbers. Nothing may import a broken
// algorithm.
func TestCryptographyIsWritten(t *testing.T) {
	t.Parallel()
	written, used := map[string]bool{}, map[string]bool{}
	for _, cells := range tableRows(section(t, "security/inventory.md", "Cryptography"), 3) {
		from := words(cells[0])
		if len(from) != 1 {
			continue // the header
		}
		for _, path := range words(cells[1]) {
			written[from[0]+" imports "+path] = true
		}
	}
	for _, p := range list(t) {
		for _, path := range p.Imports {
			if cryptographic.MatchString(path) {
				used[strings.TrimPrefix(p.ImportPath, module+"/")+" imports "+path] = true
			}
			if broken.MatchString(path) {
				t.Errorf("%s imports %s", p.ImportPath, path)
			}
		}
	}
	compare(t, "the inventory of cryptography", "the code", written, used)
}

var (
	cryptographic = regexp.MustCompile(`^(crypto|math/rand|hash|golang\.org/x/crypto)/|^math/rand$|(^|/)(jwt|jose|age|nacl|bcrypt|scrypt|argon2|openpgp)(/|$)`)
	broken        = regexp.MustCompile(`^crypto/(des|dsa|md5|rc4|sha1)$|/(md4|blowfish|ripemd160|tea|xtea|cast5)$`)
)

// TestPermissionsAreWritten compares the table of permissions with the code.
func TestPermissionsAreWritten(t *testing.T) {
	t.Parallel()
	written, used := map[string]bool{}, map[string]bool{}
	for _, cells := range tableRows(section(t, "security/inventory.md", "Permissions"), 6) {
		for _, word := range words(cells[0]) {
			written[word] = true
		}
	}
	for _, file := range glob(t, "../internal/operator/*.go") {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, match := range permission.FindAllStringSubmatch(read(t, file), -1) {
			used[match[1]] = true
		}
	}
	compare(t, "the table of permissions", "internal/operator", written, used)
}

var permission = regexp.MustCompile(`"([a-z]+:[a-z]+)"`)

// compare fails for what only one of two sets has.
func compare(t *testing.T, written, real string, a, b map[string]bool) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if !b[name] {
			t.Errorf("%s has %s, but %s does not", written, name, real)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b)) {
		if !a[name] {
			t.Errorf("%s has %s, but %s does not", real, name, written)
		}
	}
}

var (
	created = regexp.MustCompile(`(?s)create table (\w+) \((.*?)\n\)`)
	added   = regexp.MustCompile(`alter table (\w+) add column (\w+)`)
	defined = regexp.MustCompile(`^  (\w+) `)
	dropped = regexp.MustCompile(`(drop (table|column)|rename) `)
)

// columns returns the columns that the migrations create.
func columns(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, file := range glob(t, "../internal/schema/migrations/sqlite/*.sql") {
		text := read(t, file)
		if dropped.MatchString(text) {
			t.Fatalf("%s drops or renames a column: teach this test to follow that", file)
		}
		for _, table := range created.FindAllStringSubmatch(text, -1) {
			for line := range strings.Lines(table[2]) {
				if column := defined.FindStringSubmatch(line); column != nil && column[1] != "primary" {
					all[table[1]+"."+column[1]] = true
				}
			}
		}
		for _, column := range added.FindAllStringSubmatch(text, -1) {
			all[column[1]+"."+column[2]] = true
		}
	}
	return all
}

var isTest = regexp.MustCompile(`^(Test|Fuzz|Example)[A-Z_]?`)

// testsOf reads directories and tests in backticks, each test after its directory,
// and fails for those that do not exist. It returns the number of tests.
func testsOf(t *testing.T, where, cell string) (found int) {
	t.Helper()
	folder := ""
	for _, word := range words(cell) {
		if !isTest.MatchString(word) {
			if folder = word; len(allTests(t)[folder]) == 0 {
				t.Errorf("%s: %s is not a directory with tests", where, folder)
			}
			continue
		}
		found++
		name, script, scripted := strings.Cut(word, "/")
		if !allTests(t)[folder][name] {
			t.Errorf("%s: %s does not exist in %s", where, name, folder)
		}
		if scripted {
			if _, err := os.Stat(filepath.Join("..", folder, "testdata", "script", script+".txtar")); err != nil {
				t.Errorf("%s: script %s does not exist in %s", where, script, folder)
			}
		}
	}
	return found
}

var function = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)\w*)\(`)

// allTests returns the tests of this module, by directory. It reads them once.
func allTests(t *testing.T) map[string]map[string]bool {
	t.Helper()
	all, err := findTests()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var findTests = sync.OnceValues(func() (map[string]map[string]bool, error) {
	all := map[string]map[string]bool{}
	return all, filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel("..", filepath.Dir(path))
		if all[folder] == nil {
			all[folder] = map[string]bool{}
		}
		for _, match := range function.FindAllStringSubmatch(string(text), -1) {
			all[folder][match[1]] = true
		}
		return err
	})
})

// tableRows returns the rows of all tables with that many columns, without headers.
func tableRows(text string, width int) (rows [][]string) {
	head := true
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			head = true
			continue
		}
		cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|"), "|")
		if head = head && !strings.HasPrefix(line, "| ---"); head || strings.HasPrefix(line, "| ---") || len(cells) != width {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return rows
}

var (
	anchored = regexp.MustCompile(`\]\(([\w.]+\.md)#([\w-]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.+)$`)
)

// anchors returns the names by which links refer to the headings of a document.
func anchors(text string) (names []string) {
	for _, match := range heading.FindAllStringSubmatch(text, -1) {
		names = append(names, strings.ReplaceAll(strings.ToLower(match[1]), " ", "-"))
	}
	return names
}

// section returns the text below a heading of the second level.
func section(t *testing.T, file, name string) string {
	t.Helper()
	_, text, found := strings.Cut(read(t, file), "\n## "+name+"\n")
	if !found {
		t.Fatalf("%s has no heading %s", file, strconv.Quote(name))
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return files
}
