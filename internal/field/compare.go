package field

import (
	"reflect"
	"time"
)

// Differences calls fn for each field of the JSON, except objects, whose values in
// a and b differ, with both values as [Field.Get] returns them. A and b are pointers
// to the struct; nil has no values.
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

// get is [Field.Get] for a pointer that may be nil.
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
