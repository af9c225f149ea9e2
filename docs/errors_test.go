package docs_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// statuses are the HTTP statuses of the kinds of faults.
var statuses = map[string]string{
	"Invalid": "422", "NotFound": "404", "Conflict": "409", "Stale": "412", "Forbidden": "403",
	"Unauthenticated": "401", "Unavailable": "503", "TooLarge": "413", "Limited": "429",
}

const errorsPage = "docs/errors.md" // in messages

// TestErrorsAreListed compares docs/errors.md with the codes in the code, both
// ways: every code, the status of every problem, and whether a code is returned
// by the command line only.
func TestErrorsAreListed(t *testing.T) {
	t.Parallel()
	listed, used := listedCodes(t), usedCodes(t)
	api := apiPackages(t)
	for code, use := range used {
		cells, found := listed[code]
		where, reached := strings.Join(use.folders, ", "), slices.ContainsFunc(use.folders, func(f string) bool { return api[f] })
		switch {
		case !found && reached:
			t.Errorf("%s: add `%s`, which %s returns%s", errorsPage, code, where, use.hint())
		case !found:
			t.Errorf("%s: add `%s`, which %s returns, to the section Command line", errorsPage, code, where)
		case !reached && !cells.commandLine:
			t.Errorf("%s: move `%s` to the section Command line: only %s returns it, which the API does not import", errorsPage, code, where)
		}
		for _, status := range use.statuses {
			if found && !cells.commandLine && !strings.Contains(cells.text, status) {
				t.Errorf("%s: write the status %s in the row of `%s`: %s returns it", errorsPage, status, code, where)
			}
		}
	}
	for code := range listed {
		if used[code] == nil {
			t.Errorf("%s: strike `%s`: no code returns it", errorsPage, code)
		}
	}
	if len(used) < 50 {
		t.Errorf("found only %d codes: has the way to write them changed?", len(used))
	}
}

// entry is what the page says of a code.
type entry struct {
	text        string // of its rows
	commandLine bool   // it is only in the section Command line
}

// listedCodes reads the rows of the page whose first cell is a code.
func listedCodes(t *testing.T) map[string]entry {
	t.Helper()
	all := map[string]entry{}
	for part := range strings.SplitSeq(read(t, "errors.md"), "\n## ") {
		seen := map[string]bool{}
		for line := range strings.Lines(part) {
			cells := strings.SplitN(line, "|", 3)
			if len(cells) < 3 || len(words(cells[1])) != 1 {
				continue
			}
			code := words(cells[1])[0]
			if seen[code] {
				t.Errorf("%s: `%s` is twice in one section", errorsPage, code)
			}
			seen[code] = true
			old, found := all[code]
			commandLine := strings.HasPrefix(part, "Command line") && (!found || old.commandLine)
			all[code] = entry{old.text + cells[2], commandLine}
		}
	}
	return all
}

// use is where a code is returned.
type use struct{ folders, statuses []string }

func (u *use) hint() string {
	if len(u.statuses) == 0 {
		return ""
	}
	return ", with the status " + strings.Join(u.statuses, " or ")
}

// usedCodes finds the codes in the code. A code is a literal, or a constant whose
// name starts with Code, in one of these places: the argument for a parameter
// called code, a result or a variable called code, a field called code, Code or
// FieldCode.
func usedCodes(t *testing.T) map[string]*use {
	t.Helper()
	f := finder{t: t, functions: map[string]int{}, constants: map[string]string{}, structs: map[string]int{}, found: map[string]*use{}}
	f.parse("../internal", "../cmd")
	for _, s := range f.files {
		f.file = s
		ast.Inspect(s.tree, f.declaration)
	}
	for _, s := range f.files {
		f.file = s
		ast.Inspect(s.tree, f.occurrence)
	}
	return f.found
}

type source struct {
	folder string
	tree   *ast.File
}

// finder walks the syntax trees of all files: first the declarations, then the
// places where a code stands.
type finder struct {
	t         *testing.T
	set       token.FileSet
	files     []source
	functions map[string]int    // "package.Function" or ".Method" -> the index of the parameter code
	constants map[string]string // "package.CodeX" -> the code
	structs   map[string]int    // "package.Type" -> the index of the field code
	found     map[string]*use
	file      source
	overruled []ast.Node // literals that give a fault its own status
}

func (f *finder) parse(roots ...string) {
	f.t.Helper()
	for _, root := range roots {
		err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
				return err
			}
			folder, err := filepath.Rel("..", filepath.Dir(file))
			if err != nil || strings.HasSuffix(folder, "test") {
				return err
			}
			tree, err := parser.ParseFile(&f.set, file, nil, parser.SkipObjectResolution)
			f.files = append(f.files, source{filepath.ToSlash(folder), tree})
			return err
		})
		if err != nil {
			f.t.Fatal(err)
		}
	}
}

// declaration notes functions with a parameter called code, structs with a field
// called code, and constants.
func (f *finder) declaration(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.FuncDecl:
		name := f.file.tree.Name.Name + "." + n.Name.Name
		if n.Recv != nil {
			name = "." + n.Name.Name
		}
		if i := indexOfCode(n.Type.Params); i >= 0 {
			f.functions[name] = i
		}
	case *ast.TypeSpec:
		if s, ok := n.Type.(*ast.StructType); ok && indexOfCode(s.Fields) >= 0 {
			f.structs[f.file.tree.Name.Name+"."+n.Name.Name] = indexOfCode(s.Fields)
		}
	case *ast.ValueSpec:
		for i, name := range n.Names {
			if code, ok := literal(at(n.Values, i)); ok && isCodeName(name.Name) {
				f.constants[f.file.tree.Name.Name+"."+name.Name] = code
			}
		}
	}
	return true
}

// occurrence notes the codes in a node.
func (f *finder) occurrence(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CallExpr:
		name := f.callee(n.Fun)
		if i, takes := f.functions[name]; takes && i < len(n.Args) {
			f.note(n.Args[i], f.statusOf(name, n))
		}
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok && isCodeName(strings.TrimPrefix(key.Name, "Field")) {
			f.note(n.Value, "")
		}
	case *ast.AssignStmt:
		for i, left := range n.Lhs {
			if isCodeName(nameOf(left)) && len(n.Lhs) == len(n.Rhs) {
				f.note(n.Rhs[i], "")
			}
		}
	case *ast.CompositeLit:
		if slices.ContainsFunc(n.Elts, func(e ast.Expr) bool { return keyOf(e) == "Status" || keyOf(e) == "status" }) {
			f.overruled = append(f.overruled, n)
		}
		if name, ok := n.Type.(*ast.Ident); ok {
			i, has := f.structs[f.file.tree.Name.Name+"."+name.Name]
			if e := at(n.Elts, i); has && keyOf(e) == "" {
				f.note(e, "")
			}
		}
	case *ast.FuncDecl:
		f.returns(n)
	}
	return true
}

// returns notes what a function with a result called code returns for it.
func (f *finder) returns(n *ast.FuncDecl) {
	i := indexOfCode(n.Type.Results)
	if i < 0 || n.Body == nil {
		return
	}
	ast.Inspect(n.Body, func(n ast.Node) bool {
		if r, ok := n.(*ast.ReturnStmt); ok && i < len(r.Results) && len(r.Results) > 1 {
			f.note(r.Results[i], "")
		}
		_, inner := n.(*ast.FuncLit)
		return !inner
	})
}

// note adds the code that the expression is. A variable or a field called code is
// noted where it gets its value.
func (f *finder) note(e ast.Expr, status string) {
	code, ok := literal(e)
	switch e := e.(type) {
	case *ast.Ident:
		code, ok = f.constants[f.file.tree.Name.Name+"."+e.Name]
	case *ast.SelectorExpr:
		if x, isName := e.X.(*ast.Ident); isName {
			code, ok = f.constants[x.Name+"."+e.Sel.Name]
		}
	}
	if !ok || !shape.MatchString(code) {
		return
	}
	u := f.found[code]
	if u == nil {
		u = &use{}
		f.found[code] = u
	}
	u.folders = union(u.folders, f.file.folder)
	u.statuses = union(u.statuses, status)
}

var shape = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// statusOf returns the status that a call of fault.New implies; "" for a call of
// another function, or where a literal around it has a status of its own.
func (f *finder) statusOf(name string, call *ast.CallExpr) string {
	inside := func(n ast.Node) bool { return n.Pos() <= call.Pos() && call.End() <= n.End() }
	kind, ok := call.Args[0].(*ast.SelectorExpr)
	if !ok || name != "fault.New" || slices.ContainsFunc(f.overruled, inside) {
		return ""
	}
	return statuses[kind.Sel.Name]
}

// callee returns the name of a called function, as in finder.functions.
func (f *finder) callee(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return f.file.tree.Name.Name + "." + e.Name
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok {
			if _, function := f.functions[x.Name+"."+e.Sel.Name]; function {
				return x.Name + "." + e.Sel.Name
			}
		}
		return "." + e.Sel.Name
	}
	return ""
}

// indexOfCode returns the index of the string called code in a list of
// parameters, results or fields, or -1.
func indexOfCode(list *ast.FieldList) int {
	i := 0
	if list == nil {
		return -1
	}
	for _, field := range list.List {
		for _, name := range field.Names {
			if kind, ok := field.Type.(*ast.Ident); ok && strings.EqualFold(name.Name, "code") && kind.Name == "string" {
				return i
			}
			i++
		}
	}
	return -1
}

func isCodeName(name string) bool {
	return strings.HasPrefix(name, "Code") || strings.HasPrefix(name, "code")
}

// nameOf returns the name of a variable or a field.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

func keyOf(e ast.Expr) string {
	if pair, ok := e.(*ast.KeyValueExpr); ok {
		if key, ok := pair.Key.(*ast.Ident); ok {
			return key.Name
		}
	}
	return ""
}

// literal returns the value of a string literal.
func literal(e ast.Expr) (string, bool) {
	if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
		text, err := strconv.Unquote(l.Value)
		return text, err == nil
	}
	return "", false
}

func at(list []ast.Expr, i int) ast.Expr {
	if i < len(list) {
		return list[i]
	}
	return nil
}

func union(list []string, one string) []string {
	if one == "" || slices.Contains(list, one) {
		return list
	}
	return append(list, one)
}

// apiPackages returns the folders that the API is made of, and those that serve
// objects beside it.
func apiPackages(t *testing.T) map[string]bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "./internal/httpapi", "./internal/blob/dir", "./internal/blob/s3")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("listing packages: %v", err)
	}
	all := map[string]bool{}
	for line := range bytes.Lines(out) {
		if folder, ours := strings.CutPrefix(strings.TrimSpace(string(line)), module+"/"); ours {
			all[folder] = true
		}
	}
	return all
}
