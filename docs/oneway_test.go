package docs_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestFilesUseEachOtherOneWay reads the files of each package, without its
// tests, and fails if any of them depend on each other in a circle.
func TestFilesUseEachOtherOneWay(t *testing.T) {
	t.Parallel()
	packages, exports := compiled(t)
	if len(packages) < 20 {
		t.Fatalf("the module has only %d packages", len(packages))
	}
	for _, p := range packages {
		room := strings.TrimPrefix(p.ImportPath, module+"/")
		circles := usesOf(t, p, exports).circles()
		if len(circles) > 0 {
			t.Errorf("files of %s use each other in a circle. Move a declaration to the file that it belongs to, merge files, or split one:\n%s",
				room, strings.Join(circles, "\n"))
		}
	}
}

// compiledPackage is what `go list -export` says of a package.
type compiledPackage struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	DepOnly                 bool
}

// compiled returns the packages of the module and, by import path, the files
// that say what a package exports, those of other modules among them.
func compiled(t *testing.T) (packages []compiledPackage, exports map[string]string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,DepOnly", "./...")
	cmd.Dir = ".."
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("compiling packages: %v\n%s", err, complaints.String())
	}
	exports = make(map[string]string)
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p compiledPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages, exports
		} else if err != nil {
			t.Fatal(err)
		}
		exports[p.ImportPath] = p.Export
		if !p.DepOnly {
			packages = append(packages, p)
		}
	}
}

// uses are the names that a file uses of another: by the file that uses them,
// then by the file that declares them.
type uses map[string]map[string]map[string]bool

// usesOf checks the types of a package to find where each name is declared.
func usesOf(t *testing.T, p compiledPackage, exports map[string]string) uses {
	t.Helper()
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	open := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	info := &types.Info{Uses: make(map[*ast.Ident]types.Object)}
	config := types.Config{Importer: importer.ForCompiler(set, "gc", open)}
	self, err := config.Check(p.ImportPath, set, files, info)
	if err != nil {
		t.Fatal(err)
	}
	fileOf := func(at token.Pos) string { return filepath.Base(set.Position(at).Filename) }
	receivers := receiversOf(files)
	found := make(uses)
	for name, object := range info.Uses {
		if object.Pkg() == self && !receivers[name] && !isField(object) {
			found.add(fileOf(name.Pos()), fileOf(object.Pos()), object.Name())
		}
	}
	return found
}

// receiversOf finds the names in receivers. A method may stand in another file
// than its type: it extends the type, and whoever calls it uses its file.
func receiversOf(files []*ast.File) map[*ast.Ident]bool {
	names := make(map[*ast.Ident]bool)
	for _, file := range files {
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Recv == nil {
				continue
			}
			for node := range ast.Preorder(function.Recv) {
				if name, ok := node.(*ast.Ident); ok {
					names[name] = true
				}
			}
		}
	}
	return names
}

// isField reports whether an object is a field, which belongs to its type: a
// file that has the type in hand got it from somewhere.
func isField(object types.Object) bool {
	v, ok := object.(*types.Var)
	return ok && v.IsField()
}

func (u uses) add(from, to, name string) {
	if from == to {
		return
	}
	if u[from] == nil {
		u[from] = make(map[string]map[string]bool)
	}
	if u[from][to] == nil {
		u[from][to] = make(map[string]bool)
	}
	u[from][to][name] = true
}

// circles describes each use between two files of which the used one leads back
// to the user.
func (u uses) circles() (lines []string) {
	for _, from := range slices.Sorted(maps.Keys(u)) {
		for _, to := range slices.Sorted(maps.Keys(u[from])) {
			if u.reachable(to)[from] {
				lines = append(lines, "    "+from+" uses of "+to+": "+strings.Join(slices.Sorted(maps.Keys(u[from][to])), ", "))
			}
		}
	}
	return lines
}

// reachable returns the files that a file uses, and those that they use, and so on.
func (u uses) reachable(from string) map[string]bool {
	seen := make(map[string]bool)
	for waiting := []string{from}; len(waiting) > 0; {
		file := waiting[0]
		waiting = waiting[1:]
		for next := range u[file] {
			if !seen[next] {
				seen[next] = true
				waiting = append(waiting, next)
			}
		}
	}
	return seen
}

func TestCircles(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		uses [][2]string
		want []string
	}{
		"one way":            {[][2]string{{"a", "b"}, {"b", "c"}, {"a", "c"}}, nil},
		"both ways":          {[][2]string{{"a", "b"}, {"b", "a"}}, []string{"    a uses of b: ab", "    b uses of a: ba"}},
		"a long way":         {[][2]string{{"a", "b"}, {"b", "c"}, {"c", "a"}}, []string{"    a uses of b: ab", "    b uses of c: bc", "    c uses of a: ca"}},
		"beside a circle":    {[][2]string{{"x", "a"}, {"a", "b"}, {"b", "a"}, {"b", "y"}}, []string{"    a uses of b: ab", "    b uses of a: ba"}},
		"a file uses itself": {[][2]string{{"a", "a"}}, nil},
	} {
		u := make(uses)
		for _, pair := range test.uses {
			u.add(pair[0], pair[1], pair[0]+pair[1])
		}
		if got := u.circles(); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}
