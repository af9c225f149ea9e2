package field

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Columns returns the columns, separated by commas, each after the prefix, such as
// an alias with its dot.
func (s *Struct) Columns(prefix string) string {
	list := make([]string, len(s.columns))
	for i, f := range s.columns {
		list[i] = prefix + f.Column
	}
	return strings.Join(list, ", ")
}

// ColumnNames returns the columns in their order.
func (s *Struct) ColumnNames() []string {
	list := make([]string, len(s.columns))
	for i, f := range s.columns {
		list[i] = f.Column
	}
	return list
}

// Insert returns the statement that inserts a row into a table: the columns
// before, and then those of the struct.
func (s *Struct) Insert(table string, before ...string) string {
	columns := slices.Concat(before, s.ColumnNames())
	places := make([]string, len(columns))
	for i := range places {
		places[i] = "$" + strconv.Itoa(i+1)
	}
	return "insert into " + table + " (" + strings.Join(columns, ", ") + ") values (" + strings.Join(places, ", ") + ")"
}

// Row is a row of the answer of a query, as package query has it.
type Row interface{ Scan(dest ...any) error }

// Scanner scans rows into values of T, a struct type, for less than their
// [Struct.Pointers] cost: it keeps the destinations of one value, of which the
// values that it returns are copies. It is safe for concurrent use.
type Scanner[T any] struct{ pool sync.Pool }

// scanned is a value with the destinations for its columns.
type scanned[T any] struct {
	value T
	dest  []any
}

// NewScanner returns a scanner for T.
func NewScanner[T any]() *Scanner[T] {
	return &Scanner[T]{sync.Pool{New: func() any {
		x := new(scanned[T])
		x.dest = For[T]().Pointers(nil, &x.value)
		return x
	}}}
}

// Scan returns the value of a row that has the columns of T.
func (s *Scanner[T]) Scan(r Row) (T, error) { return s.ScanAfter(r) }

// ScanAfter is Scan for a row that has other columns before those of T.
func (s *Scanner[T]) ScanAfter(r Row, before ...any) (v T, err error) {
	x := s.pool.Get().(*scanned[T]) //nolint:forcetypeassert // there is nothing else in it
	dest := x.dest
	if len(before) > 0 {
		dest = append(before, dest...)
	}
	err = r.Scan(dest...)
	v, x.value = x.value, v // the next row finds nothing of this one
	s.pool.Put(x)
	return v, err
}

// Pointers appends the destinations that scan a row into v, a pointer to the
// struct, in the order of Columns. Any string type has a *string.
func (s *Struct) Pointers(to []any, v any) []any {
	to = slices.Grow(to, len(s.columns))
	value := reflect.ValueOf(v).Elem()
	for _, f := range s.columns {
		to = append(to, f.pointer(f.In(value)))
	}
	return to
}

var stringType = reflect.TypeFor[string]()

func (d *Field) pointer(v reflect.Value) any {
	if d.Kind == Text && !d.Nullable && d.Type != stringType {
		return reflect.NewAt(stringType, v.Addr().UnsafePointer()).Interface()
	}
	return v.Addr().Interface()
}

// Values appends the values of the columns of v, a pointer to the struct, in the
// order of Columns, as arguments of a statement: nil for an absent value. They are
// copies, which later changes of v do not affect.
func (s *Struct) Values(to []any, v any) []any {
	to = slices.Grow(to, len(s.columns))
	value := reflect.ValueOf(v).Elem()
	for _, f := range s.columns {
		to = append(to, f.argument(f.In(value)))
	}
	return to
}

// Argument returns the value of the field's column in v, a pointer to the struct,
// as [Struct.Values] does.
func (d *Field) Argument(v any) any { return d.argument(d.In(reflect.ValueOf(v).Elem())) }

func (d *Field) argument(v reflect.Value) any {
	value := d.Value(v)
	if value == nil && d.zero {
		return 0
	}
	return value
}

// Get returns the value of the field in v, a pointer to the struct: nil if it is
// absent, a string for any string type, and a copy of a list.
func (d *Field) Get(v any) any { return d.Value(d.In(reflect.ValueOf(v).Elem())) }

// Value is [Field.Get] for v, the field in a struct.
func (d *Field) Value(v reflect.Value) any {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	switch d.Kind {
	case Text:
		return v.String()
	case Integer:
		if v.Kind() == reflect.Int {
			return int(v.Int())
		}
		return v.Int()
	case Time:
		return *v.Addr().Interface().(*time.Time) //nolint:forcetypeassert // the kind says so
	case Texts:
		return d.texts(v)
	default:
		return v.Interface()
	}
}

// texts copies a list of strings. An empty one is absent, unless JSON tells them
// apart.
func (d *Field) texts(v reflect.Value) any {
	if v.IsNil() || v.Len() == 0 && !d.NilNull {
		return nil
	}
	list := make([]string, v.Len())
	for i := range list {
		list[i] = v.Index(i).String()
	}
	return list
}
