package schema_test

import (
	"database/sql"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/musterhq/muster/engine/postgres/postgrestest"
	"github.com/musterhq/muster/internal/schema"
)

// types are those that PostgreSQL has for a type of SQLite's, which has few.
var types = map[string][]string{
	"blob":    {"uuid", "bytea"},
	"integer": {"integer", "bigint", "boolean"},
	"text":    {"text", "timestamp with time zone", "jsonb"},
}

// needless are the constraints that SQLite has for what PostgreSQL's types are:
// an identifier and a boolean.
var needless = []string{"users_id", "operators_id", "subscription_current"}

// TestSchemasAreTheSame holds the two folders of migrations together: tables,
// columns, keys, indexes and the names of constraints.
func TestSchemasAreTheSame(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "muster.db")
	if _, err := schema.Migrate(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	url := postgrestest.Start(t, "fsync = off").Database(t)
	if _, err := schema.MigratePostgres(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	lite, post := open(t, "sqlite3", "file:"+file), open(t, "pgx", url)
	for what, texts := range descriptions {
		inLite, inPost := ask(t, lite, texts[0]), ask(t, post, texts[1])
		if what == "constraints" {
			inLite = slices.DeleteFunc(namesOf(inLite), func(name string) bool { return slices.Contains(needless, name) })
		}
		slices.Sort(inLite)
		slices.Sort(inPost)
		if diff := cmp.Diff(inLite, inPost); diff != "" || len(inLite) < 5 {
			t.Errorf("%s (-SQLite +PostgreSQL):\n%s", what, diff)
		}
	}
	compareTypes(t, lite, post)
}

func open(t *testing.T, driver, name string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// descriptions ask each engine for the same lines.
var descriptions = map[string][2]string{
	"columns": {`
		select t.name || '.' || c.name || case when c."notnull" then ' not null' else '' end
		from sqlite_schema t, pragma_table_info(t.name) c where t.type = 'table' and t.name not like 'goose%' and t.name not like 'sqlite%'`, `
		select table_name || '.' || column_name || case when is_nullable = 'NO' then ' not null' else '' end
		from information_schema.columns where table_schema = 'public' and table_name not like 'goose%'`},
	"primary keys": {`
		select t.name || ' (' || (select group_concat(name, ', ') from (select name from pragma_table_info(t.name) where pk > 0 order by pk)) || ')'
		from sqlite_schema t
		where t.type = 'table' and t.name not like 'goose%' and t.name not like 'sqlite%' and exists (select 1 from pragma_table_info(t.name) where pk > 0)`, `
		select conrelid::regclass::text || ' ' || substring(pg_get_constraintdef(oid) from '\(.*')
		from pg_constraint where contype = 'p' and connamespace = 'public'::regnamespace and conrelid::regclass::text not like 'goose%'`},
	"foreign keys": {`
		select t.name || '.' || f."from" || ' -> ' || f."table" || '.' || f."to" || ' ' || f.on_delete
		from sqlite_schema t, pragma_foreign_key_list(t.name) f where t.type = 'table'`, `
		select c.conrelid::regclass::text || '.' || a.attname || ' -> ' || c.confrelid::regclass::text || '.' || b.attname || ' '
			|| case c.confdeltype when 'c' then 'CASCADE' else c.confdeltype::text end
		from pg_constraint c
			join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
			join pg_attribute b on b.attrelid = c.confrelid and b.attnum = c.confkey[1]
		where c.contype = 'f'`},
	"indexes": {`
		select case when i."unique" then 'unique ' else '' end || i.name || ' on ' || t.name
			|| ' (' || (select group_concat(name, ', ') from (select name from pragma_index_info(i.name) order by seqno)) || ')'
			|| case when instr(s.sql, ' where ') > 0 then ' where ' || substr(s.sql, instr(s.sql, ' where ') + 7) else '' end
		from sqlite_schema t, pragma_index_list(t.name) i join sqlite_schema s on s.name = i.name
		where t.type = 'table' and i.origin = 'c'`, `
		select case when x.indisunique then 'unique ' else '' end || x.indexrelid::regclass::text || ' on ' || x.indrelid::regclass::text
			|| ' (' || (select string_agg(a.attname, ', ' order by k.n) from unnest(x.indkey::smallint[]) with ordinality k(attnum, n)
				join pg_attribute a on a.attrelid = x.indrelid and a.attnum = k.attnum) || ')'
			|| coalesce(' where ' || lower(regexp_replace(pg_get_expr(x.indpred, x.indrelid), '[()]', '', 'g')), '')
		from pg_index x join pg_class c on c.oid = x.indexrelid
		where c.relnamespace = 'public'::regnamespace and not x.indisprimary and x.indrelid::regclass::text not like 'goose%'`},
	"constraints": {`
		select sql from sqlite_schema where type = 'table' and name not like 'goose%'`, `
		select conname from pg_constraint where contype = 'c' and connamespace = 'public'::regnamespace`},
}

func ask(t *testing.T, db *sql.DB, text string) (lines []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), text)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

var named = regexp.MustCompile(`constraint (\w+)`)

// namesOf are the names of the constraints in definitions of tables.
func namesOf(definitions []string) (names []string) {
	for _, match := range named.FindAllStringSubmatch(strings.Join(definitions, "\n"), -1) {
		names = append(names, match[1])
	}
	return names
}

// compareTypes holds the type of each column to be one for the type of the
// other's, and texts by which rows are found to be compared by code point.
func compareTypes(t *testing.T, lite, post *sql.DB) {
	t.Helper()
	of := make(map[string]string)
	for _, line := range ask(t, lite, `
		select t.name || '.' || c.name || '=' || lower(c.type) from sqlite_schema t, pragma_table_info(t.name) c
		where t.type = 'table' and t.name not like 'goose%' and t.name not like 'sqlite%'`) {
		column, name, _ := strings.Cut(line, "=")
		of[column] = name
	}
	for _, line := range ask(t, post, `
		select table_name || '.' || column_name || '=' || data_type from information_schema.columns
		where table_schema = 'public' and table_name not like 'goose%'`) {
		column, name, _ := strings.Cut(line, "=")
		if !slices.Contains(types[of[column]], name) {
			t.Errorf("%s is %s in SQLite and %s in PostgreSQL", column, of[column], name)
		}
	}
	indexed := ask(t, post, `
		select distinct x.indrelid::regclass::text || '.' || a.attname from pg_index x
			join pg_attribute a on a.attrelid = x.indrelid and a.attnum = any (x.indkey)
			join pg_collation l on l.oid = a.attcollation
		where x.indrelid::regclass::text not like 'goose%' and x.indrelid::regclass::text not like 'pg_%' and l.collname <> 'C'`)
	if len(indexed) > 0 {
		t.Errorf("%q are indexed, and not compared by code point", indexed)
	}
}
