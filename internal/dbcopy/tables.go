package dbcopy

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/ids"
	"github.com/musterhq/muster/query"
)

// What columns hold.
var (
	identifier = reflect.TypeFor[ids.Row]()
	text       = reflect.TypeFor[string]()
	number     = reflect.TypeFor[int64]()
	fraction   = reflect.TypeFor[float64]()
	flag       = reflect.TypeFor[bool]()
	moment     = reflect.TypeFor[time.Time]()
	raw        = reflect.TypeFor[[]byte]()
	texts      = reflect.TypeFor[[]string]()
)

// column is one of a table.
type column struct {
	name     string
	holds    reflect.Type
	nullable bool
}

// destination returns a pointer for a row to be scanned into.
func (c *column) destination() any {
	if c.nullable && c.holds != texts { // a list is nil by itself
		return reflect.New(reflect.PointerTo(c.holds)).Interface()
	}
	return reflect.New(c.holds).Interface()
}

// value returns what a destination holds; nil for NULL.
func value(destination any) any {
	v := reflect.ValueOf(destination).Elem()
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	switch x := v.Interface().(type) {
	case []byte:
		return append([]byte{}, x...) // an empty one is not NULL
	case []string:
		if x == nil {
			return nil
		}
	}
	return v.Interface()
}

// row holds the values of a row, in the order of the columns; nil for NULL.
type row []any

// table is one of the store's. Its rows are read in the order of its key.
type table struct {
	name     string
	columns  []column
	key      []int    // the columns of the key, by their places
	refersTo []string // the tables of its foreign keys
	where    string   // the condition of the rows that are copied
}

func newTable(name string) *table {
	t := &table{name: name, where: "1 = 1"}
	if name == "setting" {
		t.where = "key <> '" + marker + "'"
	}
	return t
}

// names lists the columns, with commas between.
func (t *table) names() string {
	list := make([]string, len(t.columns))
	for i := range t.columns {
		list[i] = t.columns[i].name
	}
	return strings.Join(list, ", ")
}

// keyNames lists the columns of the key.
func (t *table) keyNames() []string {
	list := make([]string, len(t.key))
	for i, k := range t.key {
		list[i] = t.columns[k].name
	}
	return list
}

// keyOf returns the key of a row.
func (t *table) keyOf(r row) []any {
	key := make([]any, len(t.key))
	for i, k := range t.key {
		key[i] = r[k]
	}
	return key
}

func (t *table) count() query.Query[int64] {
	return query.Scalar[int64]("select count(*) from " + t.name + " where " + t.where)
}

// rows returns the rows after one key, or from the first, up to another, or at
// most so many if most is not 0, in the order of their keys.
func (t *table) rows(after, last []any, most int) query.Query[[]row] {
	var args []any
	key := strings.Join(t.keyNames(), ", ")
	bound := func(operator string, values []any) string {
		if values == nil {
			return ""
		}
		args = append(args, values...)
		return " and (" + key + ") " + operator + " " + places(len(args)-len(values), len(values))
	}
	sql := "select " + t.names() + " from " + t.name + " where " + t.where +
		bound(">", after) + bound("<=", last) + " order by " + key
	if most > 0 {
		args = append(args, most)
		sql += " limit $" + strconv.Itoa(len(args))
	}
	return query.Many(sql, t.scan, args...)
}

func (t *table) scan(r query.Row) (row, error) {
	values := make(row, len(t.columns))
	for i := range t.columns {
		values[i] = t.columns[i].destination()
	}
	if err := r.Scan(values...); err != nil {
		return nil, fmt.Errorf("reading a row of %s: %w", t.name, err)
	}
	for i, d := range values {
		values[i] = value(d)
	}
	return values, nil
}

// together is how many rows one statement inserts.
const together = 50

// insert inserts rows, many by one statement.
func (t *table) insert(rows []row) (changes []query.Change) {
	for len(rows) > 0 {
		n := 1
		if len(rows) >= together {
			n = together
		}
		args := make([]any, 0, n*len(t.columns))
		tuples := make([]string, n)
		for i, r := range rows[:n] {
			tuples[i] = places(len(args), len(r))
			args = append(args, r...)
		}
		changes = append(changes, query.Exec("insert into "+t.name+" ("+t.names()+") values "+strings.Join(tuples, ", "), args...))
		rows = rows[n:]
	}
	return changes
}

// places lists n placeholders behind the first ones, in parentheses.
func places(first, n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = "$" + strconv.Itoa(first+i+1)
	}
	return "(" + strings.Join(list, ", ") + ")"
}

// remove deletes a row.
func (t *table) remove(r row) query.Change {
	conditions := t.keyNames()
	for i, name := range conditions {
		conditions[i] = name + " = $" + strconv.Itoa(i+1)
	}
	return query.Exec("delete from "+t.name+" where "+strings.Join(conditions, " and "), t.keyOf(r)...)
}
