package member

import (
	"reflect"
	"strings"
	"testing"
)

// TestFieldsAndColumns holds each struct to its columns: one for each field of
// the struct, in its order, named as on the wire.
func TestFieldsAndColumns(t *testing.T) {
	t.Parallel()
	checkColumns(t, profileColumns, &Profile{})
	checkColumns(t, lifestyleColumns, &Lifestyle{})
	checkColumns(t, preferenceColumns, &Preference{})
	checkColumns(t, subscriptionColumns, &Subscription{})
}

func checkColumns[T any, R record[T]](t *testing.T, columns string, v R) {
	t.Helper()
	names := strings.Split(columns, ", ")
	value := reflect.ValueOf(v).Elem()
	pointers := v.fields()
	if len(names) != value.NumField() || len(pointers) != value.NumField() {
		t.Fatalf("%T has %d fields, %d columns and %d pointers", v, value.NumField(), len(names), len(pointers))
	}
	for i, name := range names {
		if tag := value.Type().Field(i).Tag.Get("json"); tag != name {
			t.Errorf("%T: column %s is of field %s", v, name, tag)
		}
		if reflect.ValueOf(pointers[i]).Pointer() != value.Field(i).Addr().Pointer() {
			t.Errorf("%T: the pointer of column %s is of another field", v, name)
		}
	}
	if got := values(pointers); len(got) != len(names) {
		t.Errorf("%T: %d values", v, len(got))
	}
}
