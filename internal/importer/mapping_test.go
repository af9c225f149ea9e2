package importer_test

import (
	"strings"
	"testing"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/importer"
)

// smallMap is a map of the columns id, name and sex, to which a test adds.
const smallMap = `
[id]
namespace = "test"
from = "id"

[[field]]
to = "name"
from = "name"

[[field]]
to = "gender"
from = "sex"
codes = { f = "female", m = "male" }
`

func TestParseMapRefuses(t *testing.T) {
	t.Parallel()
	field := func(settings string) string { return smallMap + "[[field]]\n" + settings }
	for name, c := range map[string]struct{ text, says string }{
		"no TOML":               {"a = = 1", "line 1, column 5"},
		"not UTF-8":             {"# \xff", "not UTF-8"},
		"too long":              {strings.Repeat("#\n", 1<<20), "longer than"},
		"an unknown table":      {smallMap + "[fiel]\n", `line 14: unknown setting "fiel"`},
		"an unknown setting":    {field("to = \"birth_year\"\nfrm = \"born\"\n"), `line 16: unknown setting "field.frm"`},
		"two unknown settings":  {field("a = 1\nb = 2\n"), `line 16: unknown setting "field.b"`},
		"a wrong kind":          {field("to = 1\n"), "line 15"},
		"no id":                 {`[[field]]`, "[id] needs a namespace"},
		"no namespace":          {"[id]\nfrom = \"id\"\n", "[id] needs a namespace"},
		"an unknown field":      {field("to = \"profile.heigth\"\nfrom = \"h\"\n"), "field 3 (profile.heigth): unknown field; use one of "},
		"what is made by us":    {field("to = \"subscription.id\"\nfrom = \"h\"\n"), "unknown field"},
		"a field twice":         {field("to = \"name\"\nfrom = \"h\"\n"), "given twice; give it once"},
		"no column":             {field("to = \"birth_year\"\n"), "from must be the name of a column"},
		"no columns":            {field("to = \"birth_year\"\nfrom = []\n"), "from must be the name of a column"},
		"a column's number":     {field("to = \"birth_year\"\nfrom = 3\n"), "from must be the name of a column"},
		"a list with a number":  {field("to = \"name\"\nfrom = [\"a\", 3]\n"), "from must be the name of a column"},
		"several for a number":  {field("to = \"birth_year\"\nfrom = [\"a\", \"b\"]\n"), "only one column can feed it"},
		"an unknown conversion": {field("to = \"birth_year\"\nfrom = \"a\"\nconvert = \"magic\"\n"), `convert must be "age" or "year"`},
		"a form as conversion":  {field("to = \"birth_year\"\nfrom = \"a\"\nconvert = \"text\"\n"), `convert must be "age" or "year"`},
		"an age of nothing":     {field("to = \"profile.region\"\nfrom = \"a\"\nconvert = \"age\"\nat = 2003-07-01\n"), "age and year can only feed a number"},
		"an age at no day":      {field("to = \"birth_year\"\nfrom = \"a\"\nconvert = \"age\"\n"), "needs its day"},
		"an impossible day":     {field("to = \"birth_year\"\nfrom = \"a\"\nconvert = \"age\"\nat = 2003-02-30\n"), "line 18"},
		"a setting of another":  {field("to = \"birth_year\"\nfrom = \"a\"\ncase = \"lower\"\n"), "case is not allowed here; use from, codes, grouping"},
		"columns for a text":    {field("to = \"profile.region\"\nat_least = 1\ncolumns = { a = \"x\" }\n"), "columns can only feed a list"},
		"columns for no reason": {field("to = \"lifestyle.hobbies\"\ncolumns = { a = \"x\" }\n"), "either at_least or when"},
		"columns that are none": {field("to = \"lifestyle.hobbies\"\nat_least = 1\ncolumns = { a = \"\" }\n"), "needs the entry that it stands for"},
		"codes and synonyms":    {field("to = \"profile.region\"\nfrom = \"a\"\ncodes = { a = \"b\" }\nsynonyms = { a = \"b\" }\n"), "either codes or synonyms"},
		"a code twice":          {field("to = \"profile.region\"\nfrom = \"a\"\ncodes = { a = \"b\", A = \"c\" }\n"), "has two meanings"},
		"a code for nothing":    {field("to = \"profile.region\"\nfrom = \"a\"\ncodes = { a = \" \" }\n"), "has no meaning"},
		"an unknown case":       {field("to = \"profile.region\"\nfrom = \"a\"\ncase = \"Title\"\n"), "case must be"},
		"a format without text": {field("to = \"profile.region\"\nfrom = \"a\"\nformat = \"x\"\n"), "format needs {}"},
		"a layout of Go":        {field("to = \"created_at\"\nfrom = \"a\"\nlayout = \"2006-01-02\"\n"), "a layout consists of"},
		"marks that are alike":  {field("to = \"profile.income\"\nfrom = \"a\"\ngrouping = \".\"\n"), "must differ"},
		"a mark that is a word": {field("to = \"profile.income\"\nfrom = \"a\"\ngrouping = \"comma\"\n"), "one character each"},
		"an unknown delimiter":  {"[file]\ndelimiter = \"x\"\n" + smallMap, "the delimiter must be"},
		"an unknown encoding":   {"[file]\nencoding = \"ebcdic\"\n" + smallMap, `unknown encoding "ebcdic"; use one of utf-8, utf-16`},
		"ignored for no reason": {smallMap + "[ignored]\nwave = \"\"\n", `needs a reason for the column "wave"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := importer.ParseMap([]byte(c.text))
			f := fault.As(err)
			if f == nil || f.Code != "bad_map" || !strings.Contains(f.Message, c.says) {
				t.Errorf("got %v, want bad_map saying %q", err, c.says)
			}
		})
	}
}

func TestReadMapNamesTheFile(t *testing.T) {
	t.Parallel()
	path := write(t, "club.toml", "[fiel]\n")
	if _, err := importer.ReadMap(path); err == nil || !strings.HasPrefix(err.Error(), path) {
		t.Errorf("got %v, want an error that names %s", err, path)
	}
	if _, err := importer.ReadMap(path + ".none"); err == nil {
		t.Error("got no error for a map that does not exist")
	}
}
