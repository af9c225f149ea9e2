package field

import (
	"reflect"
	"time"
)

// Differences calls fn for each field on the wire whose value in a is another
// than in b, both pointers to the struct or nil for one without a value, with
// both values as [Field.Get] returns them.
func (s *Struct) Differences(a, b any, fn func(f *Field, a, b any)) {
	for _, f := range s.Fields {
		if f.Name == "" || f.Source != JSON || f.Kind == Object || f.Kind == Objects {
			continue
		}
		if x, y := f.get(a), f.get(b); !same(x, y) {
			fn(f, x, y)
		}
	}
}

// get is Get, and nil for a nil pointer.
func (d *Field) get(v any) any {
	if value := reflect.ValueOf(v); !value.IsValid() || value.IsNil() {
		return nil
	}
	return d.Get(v)
}

func same(a, b any) bool {
	if x, ok := a.(time.Time); ok {
		y, ok := b.(time.Time)
		return ok && x.Equal(y)
	}
	return reflect.DeepEqual(a, b)
}
