package query_test

import (
	"strings"
	"testing"

	"github.com/musterhq/muster/query"
)

func TestRender(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ in, postgres, sqlite string }{
		"placeholders": {"select $2, $1 where a=$10", "select $2, $1 where a=$10", "select ?2, ?1 where a=?10"},
		"strings":      {"select '$1', 'it''s {in $1}', $1", "select '$1', 'it''s {in $1}', $1", "select '$1', 'it''s {in $1}', ?1"},
		"identifiers":  {`select "a$1""b" as x$1`, `select "a$1""b" as x$1`, `select "a$1""b" as x$1`},
		"comments":     {"select 1 -- $1 '\n, $1 /* $2 ' */", "select 1 -- $1 '\n, $1 /* $2 ' */", "select 1 -- $1 '\n, ?1 /* $2 ' */"},
		"other scripts": {"select '바다', 바다$1 from t", "select '바다', 바다$1 from t",
			"select '바다', 바다$1 from t"},
		"lists":       {"a {in $1} and b {in_ids $2}", "a = any($1) and b = any(cast($2 as uuid[]))", "a in (select value from json_each(?1)) and b in (select unhex(value) from json_each(?2))"},
		"rows":        {"from {texts $3}", "from unnest(cast($3 as text[])) as t(value)", "from json_each(?3)"},
		"an operator": {"a -> 'b' - -1", "a -> 'b' - -1", "a -> 'b' - -1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for dialect, want := range map[query.Dialect]string{query.Postgres: test.postgres, query.SQLite: test.sqlite} {
				got, err := query.Render(dialect, test.in)
				if err != nil || got != want {
					t.Errorf("got %q and %v, want %q", got, err, want)
				}
			}
		})
	}
}

func TestRenderRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"an open string":          "select 'a",
		"an open identifier":      `select "a`,
		"an open comment":         "select 1 /* a",
		"a nested comment":        "/* /* */ */",
		"a dollar quote":          "select $$a$$",
		"a tagged dollar quote":   "select $a$b$a$",
		"placeholder zero":        "select $0",
		"a leading zero":          "select $01",
		"a placeholder too large": "select $40000",
		"a placeholder's tail":    "select $1a",
		"a question mark":         "select ?",
		"an escape string":        `select E'\''`,
		"a bracket":               "select [a]",
		"a backtick":              "select `a`",
		"a NUL":                   "select \x00",
		"an unknown fragment":     "select {out $1}",
		"a fragment of nothing":   "select {in}",
		"a fragment of a text":    "select {in 1}",
		"an open fragment":        "select {in $1",
		"a fragment's tail":       "select {in $1 $2}",
		"a lone brace":            "select }",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, dialect := range []query.Dialect{query.Postgres, query.SQLite} {
				if got, err := query.Render(dialect, text); err == nil {
					t.Errorf("%q was rendered to %q", text, got)
				} else if !strings.HasPrefix(err.Error(), "sql at byte ") {
					t.Errorf("the error %q does not say where", err)
				}
			}
		})
	}
}

// FuzzRender looks for a text in which the two spellings differ in anything but
// placeholders and fragments, or that is changed although it has none.
func FuzzRender(f *testing.F) {
	for _, seed := range []string{"select $1", "'$1' \"$1\" -- $1\n/* $1 */ a$1", "x {in $1} {texts $2}", "'", "$", "{", "''''"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		postgres, errP := query.Render(query.Postgres, text)
		sqlite, errS := query.Render(query.SQLite, text)
		if (errP == nil) != (errS == nil) {
			t.Fatalf("%q: one dialect takes it, the other does not: %v, %v", text, errP, errS)
		}
		if errP != nil {
			return
		}
		if !strings.Contains(text, "{") && postgres != text {
			t.Errorf("%q became %q", text, postgres)
		}
		if !strings.ContainsAny(text, "${") && sqlite != text {
			t.Errorf("%q became %q", text, sqlite)
		}
		again, err := query.Render(query.Postgres, postgres)
		if !strings.Contains(text, "{") && (err != nil || again != postgres) {
			t.Errorf("%q is not stable: %q, %v", postgres, again, err)
		}
	})
}
