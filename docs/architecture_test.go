// Package docs_test compares the documents with the code, so that they stay true.
package docs_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/musterhq/muster"

// room is a row of the table in ARCHITECTURE.md.
type room struct {
	name      string
	imports   []string // rooms
	libraries []string // modules or parts of them
}

// pkg is what `go list` reports about a package.
type pkg struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

func TestArchitectureIsAsWritten(t *testing.T) {
	t.Parallel()
	rooms := readTable(t, "ARCHITECTURE.md")
	used := map[string]map[string]bool{} // room -> what it imports
	for _, p := range list(t) {
		r := roomOf(rooms, p.ImportPath)
		if r == nil {
			t.Errorf("%s belongs to no room of the table: add a row", p.ImportPath)
			continue
		}
		if used[r.name] == nil {
			used[r.name] = map[string]bool{}
		}
		for _, path := range p.Imports {
			checkImport(t, rooms, r, used[r.name], path)
		}
	}
	for _, r := range rooms {
		for _, wanted := range slices.Concat(r.imports, r.libraries) {
			if !used[r.name][wanted] {
				t.Errorf("%s does not import %s: strike it from the table", r.name, wanted)
			}
		}
	}
}

// checkImport notes an import, and fails if the table does not allow it.
func checkImport(t *testing.T, rooms []room, from *room, used map[string]bool, path string) {
	t.Helper()
	if strings.HasPrefix(path, module) {
		to := roomOf(rooms, path)
		if to == nil || to == from {
			return
		}
		used[to.name] = true
		if !slices.Contains(from.imports, to.name) {
			t.Errorf("%s imports %s, which the table does not allow", from.name, to.name)
		}
		return
	}
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
		return // the standard library
	}
	for _, library := range from.libraries {
		if strings.Contains(path, library) {
			used[library] = true
			return
		}
	}
	t.Errorf("%s imports %s, which the table does not allow", from.name, path)
}

// roomOf returns the room of a package: the one with the longest name that its
// path starts with.
func roomOf(rooms []room, path string) *room {
	path = strings.TrimPrefix(path, module+"/")
	var found *room
	for i, r := range rooms {
		if (path == r.name || strings.HasPrefix(path, r.name+"/")) && (found == nil || len(r.name) > len(found.name)) {
			found = &rooms[i]
		}
	}
	return found
}

var code = regexp.MustCompile("`([^`]+)`")

// readTable reads the rows whose first cell is a room in backticks.
func readTable(t *testing.T, file string) []room {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "<!-- rooms -->")
	if !found {
		t.Fatalf("%s has no table of rooms", file)
	}
	var rooms []room
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "`") {
			continue
		}
		rooms = append(rooms, room{name: words(cells[1])[0], imports: words(cells[3]), libraries: words(cells[4])})
	}
	if len(rooms) < 10 {
		t.Fatalf("the table has only %d rooms", len(rooms))
	}
	return rooms
}

func words(cell string) (list []string) {
	for _, match := range code.FindAllStringSubmatch(cell, -1) {
		list = append(list, match[1])
	}
	return list
}

// list returns the packages of the module and their imports, without those of
// tests.
func list(t *testing.T) (packages []pkg) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Standard", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("listing packages: %v", err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if len(p.Imports) > 0 {
			packages = append(packages, p)
		}
	}
	return packages
}

var link = regexp.MustCompile(`\]\(([^)#:\s]+)(?:#[^)]*)?\)`)

// TestLinksLeadSomewhere follows every relative link of every document.
func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("*/*.md")
	if err != nil {
		t.Fatal(err)
	}
	files = append(append(files, more...), "../README.md", "../CHANGELOG.md")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, match := range link.FindAllStringSubmatch(string(text), -1) {
			target := filepath.Join(filepath.Dir(file), match[1])
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which does not exist", file, match[1])
			}
		}
	}
}
