package dbcopy

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/query"
	"github.com/musterhq/muster/session"
)

// ErrSchemas is the fault of two databases with different tables.
var ErrSchemas = fault.New(fault.Conflict, "schemas_differ",
	"Source and target have different tables. Migrate both with the same version of Muster, then copy again.")

// uncopied are the tables that say what the servers of one database do now.
var uncopied = []string{"lease"}

// migrations matches the tables that say which migrations a database has.
const migrations = "goose%"

// types maps the types of columns in both databases to Go's.
var types = map[string]reflect.Type{
	"text": text, "timestamp with time zone": moment, "jsonb": texts,
	"integer": number, "bigint": number, "boolean": flag,
	"blob": raw, "bytea": raw, "uuid": identifier,
	"real": fraction, "double precision": fraction,
}

// stored maps a type to the one that SQLite, which has few, stores it as.
var stored = map[reflect.Type]reflect.Type{moment: text, texts: text, flag: number, identifier: raw}

// schemaColumn is a column as a database describes it.
type schemaColumn struct {
	table, name, holds string
	nullable           bool
	key                int
	refersTo           string
}

func scanColumn(r query.Row) (c schemaColumn, err error) {
	return c, r.Scan(&c.table, &c.name, &c.holds, &c.nullable, &c.key, &c.refersTo)
}

// describe returns the tables of a database, the oldest first.
func describe(ctx context.Context, db *session.DB) ([]*table, error) {
	columns, err := run(ctx, db, query.Many(`
		select table_name, column_name, column_type, nullable, key_order, refers_to
		from {columns $1} as c order by table_order, column_order`, scanColumn, migrations))
	if err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	var tables []*table
	for _, c := range columns {
		if slices.Contains(uncopied, c.table) {
			continue
		}
		if len(tables) == 0 || tables[len(tables)-1].name != c.table {
			tables = append(tables, newTable(c.table))
		}
		if err := tables[len(tables)-1].add(c); err != nil {
			return nil, err
		}
	}
	return tables, nil
}

func (t *table) add(c schemaColumn) error {
	holds, known := types[c.holds]
	if !known {
		return fmt.Errorf("cannot copy column %s of table %s: unknown type %s", c.name, t.name, c.holds)
	}
	for len(t.key) < c.key {
		t.key = append(t.key, 0)
	}
	if c.key > 0 {
		t.key[c.key-1] = len(t.columns)
	}
	t.columns = append(t.columns, column{c.name, holds, c.nullable})
	t.refersTo = append(t.refersTo, strings.Fields(c.refersTo)...)
	return nil
}

// schemaOf returns the tables of two databases, each after those that it refers
// to. Faults: schemas_differ.
func schemaOf(ctx context.Context, source, target *session.DB) ([]*table, error) {
	tables, err := describe(ctx, source)
	if err != nil {
		return nil, err
	}
	others, err := describe(ctx, target)
	if err != nil {
		return nil, err
	}
	if len(tables) != len(others) {
		return nil, ErrSchemas
	}
	for _, t := range tables {
		i := slices.IndexFunc(others, func(o *table) bool { return o.name == t.name })
		if i < 0 || !t.agree(others[i]) {
			return nil, ErrSchemas.Because(fmt.Errorf("table %s differs", t.name))
		}
		if !t.hasKey() {
			return nil, fmt.Errorf("cannot copy table %s: it has no key", t.name)
		}
	}
	return inOrder(tables), nil
}

// agree sets each column to the more exact of its types in both tables, and reports
// whether the tables have the same columns.
func (t *table) agree(other *table) bool {
	for i := range t.columns {
		c := &t.columns[i]
		at := slices.IndexFunc(other.columns, func(o column) bool { return o.name == c.name })
		if at < 0 {
			return false
		}
		switch holds := other.columns[at].holds; {
		case holds == c.holds, holds == stored[c.holds]:
		case stored[holds] == c.holds:
			c.holds = holds
		default:
			return false
		}
	}
	return len(t.columns) == len(other.columns)
}

// hasKey reports whether each row has a key of its own.
func (t *table) hasKey() bool {
	return len(t.key) > 0 && !slices.ContainsFunc(t.key, func(i int) bool { return t.columns[i].nullable })
}

// inOrder sorts tables so that each comes after those that it refers to.
func inOrder(tables []*table) []*table {
	sorted := make([]*table, 0, len(tables))
	placed := map[string]bool{}
	var place func(t *table)
	place = func(t *table) {
		if placed[t.name] {
			return
		}
		placed[t.name] = true
		for _, other := range tables {
			if slices.Contains(t.refersTo, other.name) {
				place(other)
			}
		}
		sorted = append(sorted, t)
	}
	for _, t := range tables {
		place(t)
	}
	return sorted
}
