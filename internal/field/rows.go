package field

import (
	"reflect"
	"slices"
	"strings"
	"time"
)

// Columns lists the columns, with commas between and the prefix, such as an
// alias with its dot, before each.
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

// Pointers appends a destination for each column of v, a pointer to the struct,
// in the order of Columns, for a row to be scanned into. A column of a type that
// is a string has a *string.
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

// Values appends the value of each column of v, a pointer to the struct, in the
// order of Columns, as arguments of a statement: nil for an absent one. They are
// copies, which stay as they are whatever becomes of v.
func (s *Struct) Values(to []any, v any) []any {
	to = slices.Grow(to, len(s.columns))
	value := reflect.ValueOf(v).Elem()
	for _, f := range s.columns {
		to = append(to, f.argument(f.In(value)))
	}
	return to
}

// Argument returns the value of the field's column in v, a pointer to the struct,
// as Values does.
func (d *Field) Argument(v any) any { return d.argument(d.In(reflect.ValueOf(v).Elem())) }

func (d *Field) argument(v reflect.Value) any {
	value := d.Value(v)
	if value == nil && d.zero {
		return 0
	}
	return value
}

// Get returns the value of the field in v, a pointer to the struct: nil for an
// absent one, a string for a type that is a string, and a copy of a list.
func (d *Field) Get(v any) any { return d.Value(d.In(reflect.ValueOf(v).Elem())) }

// Value is Get for the field's own place in a struct.
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
		return texts(v)
	default:
		return v.Interface()
	}
}

// texts copies a list of strings; an absent one is nil.
func texts(v reflect.Value) any {
	if v.IsNil() {
		return nil
	}
	list := make([]string, v.Len())
	for i := range list {
		list[i] = v.Index(i).String()
	}
	return list
}
