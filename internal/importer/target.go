package importer

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/member"
)

// target is a field of a member that a map can feed.
type target struct {
	name string         // on the wire: "profile.height"
	kind field.Kind     // Text, Integer, Texts or Time
	path []*field.Field // from the member to the field
}

// targets are all of them: the fields of a member that can be written, and
// created_at. They follow from the descriptor.
var targets = func() map[string]target {
	found := map[string]target{}
	detail := field.For[member.Detail]()
	addTargets(found, detail, "", nil)
	created := detail.Field("created_at")
	found[created.Name] = target{created.Name, created.Kind, []*field.Field{created}}
	return found
}()

func targetNames() []string { return slices.Sorted(maps.Keys(targets)) }

func addTargets(found map[string]target, s *field.Struct, prefix string, path []*field.Field) {
	for _, f := range s.Fields {
		at := append(slices.Clone(path), f)
		switch {
		case f.ReadOnly || f.Name == "":
		case f.Kind == field.Object:
			addTargets(found, f.Struct, prefix+f.Name+".", at)
		case f.Kind == field.Text, f.Kind == field.Integer, f.Kind == field.Texts, f.Kind == field.Time:
			found[prefix+f.Name] = target{prefix + f.Name, f.Kind, at}
		}
	}
}

// value is the value of a cell, in the member of its kind.
type value struct {
	text   string
	number int64
	list   []string
	time   time.Time
}

// assign sets the field to a value, and creates the relation that it belongs to.
func (t target) assign(d *member.Detail, v value) {
	place := reflect.ValueOf(d).Elem()
	for _, f := range t.path {
		place = allocated(f.In(place))
	}
	switch t.kind {
	case field.Text:
		place.SetString(v.text)
	case field.Integer:
		place.SetInt(v.number)
	case field.Texts:
		place.Set(reflect.ValueOf(v.list))
	case field.Time:
		place.Set(reflect.ValueOf(v.time))
	}
}

// allocated returns what a pointer points to, and allocates it if it is nil.
func allocated(v reflect.Value) reflect.Value {
	if v.Kind() != reflect.Pointer {
		return v
	}
	if v.IsNil() {
		v.Set(reflect.New(v.Type().Elem()))
	}
	return v.Elem()
}
