package importer

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/member"
)

// kind is the kind of value that a field of a member holds.
type kind uint8

const (
	words kind = iota + 1
	whole
	several
	moment
)

// target is a field of a member that a map can feed.
type target struct {
	name  string // as on the wire: "profile.height"
	kind  kind
	index []int // of the field in member.New
}

// targets are all of them, found in the types: a field that is added to a
// profile can be imported without a change here.
var targets = func() map[string]target {
	found := map[string]target{}
	addTargets(found, reflect.TypeFor[member.New](), "", nil)
	created, _ := reflect.TypeFor[member.New]().FieldByName("CreatedAt")
	found["created_at"] = target{"created_at", moment, created.Index}
	return found
}()

func targetNames() []string { return slices.Sorted(maps.Keys(targets)) }

func addTargets(found map[string]target, t reflect.Type, prefix string, index []int) {
	for i := range t.NumField() {
		field := t.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		name = prefix + name
		at := append(slices.Clone(index), i)
		typ := field.Type
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		if k := kindOf(typ); k != 0 {
			found[name] = target{name, k, at}
		} else if typ.Kind() == reflect.Struct {
			addTargets(found, typ, name+".", at)
		}
	}
}

// kindOf gives 0 for what a cell cannot hold.
func kindOf(t reflect.Type) kind {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return moment
	case t.Kind() == reflect.String:
		return words
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64:
		return whole
	case t == reflect.TypeFor[[]string]():
		return several
	default:
		return 0
	}
}

// value is what a cell holds, in the member of its kind.
type value struct {
	text   string
	number int64
	list   []string
	time   time.Time
}

// assign puts a value into the field, and makes the relation that it is in.
func (t target) assign(n *member.New, v value) {
	field := reflect.ValueOf(n).Elem()
	for _, i := range t.index {
		field = settled(field).Field(i)
	}
	field = settled(field)
	switch t.kind {
	case words:
		field.SetString(v.text)
	case whole:
		field.SetInt(v.number)
	case several:
		field.Set(reflect.ValueOf(v.list))
	case moment:
		field.Set(reflect.ValueOf(v.time))
	}
}

// settled is what a pointer points to, made if there is nothing yet.
func settled(v reflect.Value) reflect.Value {
	if v.Kind() != reflect.Pointer {
		return v
	}
	if v.IsNil() {
		v.Set(reflect.New(v.Type().Elem()))
	}
	return v.Elem()
}
