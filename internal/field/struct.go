package field

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/musterhq/muster/internal/fault"
)

// Bounds of fields that declare none.
const (
	MaxText  = 200 // characters
	MaxItems = 50
)

// Source is the part of a request that has a field.
type Source uint8

// The sources of a field.
const (
	JSON Source = iota // the body
	Query
	Path
)

// Appender is a struct that appends its own JSON, because the fields that it shows
// depend on its value.
type Appender interface {
	AppendJSON(b []byte) ([]byte, error)
}

// Checker is a struct with rules that concern several of its fields. They are
// checked after each field was found to be right.
type Checker interface {
	// Check adds to wrong what is wrong, under prefix and the field's name.
	Check(wrong *fault.Fields, prefix string)
}

// Struct is the descriptor of a struct type.
type Struct struct {
	Type   reflect.Type
	Fields []*Field // in order of declaration, with those of embedded structs in their place

	columns []*Field
	byName  map[string]*Field
	encodes bool // the type is an Appender
}

// Field is the descriptor of a field of a struct.
type Field struct {
	Name   string // on the wire
	Column string // in the database; empty for none
	Source Source
	Type   reflect.Type // without the pointer of a nullable field
	Kind   Kind

	Doc, Format, Pattern, Default, Mask string
	Example                             any // as JSON has it
	Choices                             []string
	Min, Max                            *int64 // of a number
	MinLength, MaxLength                int    // of a text, in characters
	MinItems, MaxItems                  int    // of a list; an absent one may have fewer

	Nullable   bool // a pointer or a list, which may be absent: null in JSON
	Required   bool
	Optional   bool // a body that creates may leave it out, although it is never null
	ReadOnly   bool
	UpdateOnly bool
	Lines      bool
	OmitZero   bool // JSON leaves out the zero value
	NilNull    bool // a nil list is null in JSON, not []

	Struct *Struct // of an object, or of each object of a list; nil otherwise

	index []int
	key   string // ,"name": as JSON has it behind another field; empty for a field without a name
	zero  bool   // the column stores 0 for NULL
}

var structs sync.Map // reflect.Type -> *Struct

// For returns the descriptor of T, a struct type.
func For[T any]() *Struct { return Of(reflect.TypeFor[T]()) }

// Of returns the descriptor of t, a struct type or a pointer to one. It panics
// if a tag cannot be read, a name is declared twice, or two embedded structs
// have a Check that the struct does not combine: a test makes every descriptor.
func Of(t reflect.Type) *Struct {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if s, known := structs.Load(t); known {
		return s.(*Struct) //nolint:forcetypeassert // there is nothing else in it
	}
	s := &Struct{Type: t, byName: make(map[string]*Field)}
	s.encodes = reflect.PointerTo(t).Implements(reflect.TypeFor[Appender]())
	s.add(t, nil)
	s.mustCheck()
	known, _ := structs.LoadOrStore(t, s)
	return known.(*Struct) //nolint:forcetypeassert // as above
}

// Field returns the field with the name on the wire, or nil.
func (s *Struct) Field(name string) *Field { return s.byName[name] }

func (s *Struct) add(t reflect.Type, index []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(slices.Clone(index), i)
		if f.Anonymous && f.Tag.Get("json") == "" {
			s.add(f.Type, at)
			continue
		}
		if d := describe(f, at); d != nil {
			s.addField(d)
		}
	}
}

func (s *Struct) addField(d *Field) {
	s.Fields = append(s.Fields, d)
	if d.Name != "" {
		if s.byName[d.Name] != nil {
			panic(fmt.Sprintf("field: %s declares %s twice", s.Type, d.Name))
		}
		s.byName[d.Name] = d
	}
	if d.Column != "" {
		s.columns = append(s.columns, d)
	}
}

// mustCheck panics if embedded structs have rules that nothing would run: Go
// promotes neither of two methods of the same name.
func (s *Struct) mustCheck() {
	checker := reflect.TypeFor[Checker]()
	if reflect.PointerTo(s.Type).Implements(checker) {
		return
	}
	for f := range s.Type.Fields() {
		if f.Anonymous && f.Type.Kind() == reflect.Struct && reflect.PointerTo(f.Type).Implements(checker) {
			panic(fmt.Sprintf("field: the rules of %s in %s are not run", f.Type, s.Type))
		}
	}
}

// describe returns the descriptor of a field, or nil if it is neither on the wire
// nor in the database.
func describe(f reflect.StructField, index []int) *Field {
	d := &Field{index: index, Doc: f.Tag.Get("doc"), Format: f.Tag.Get("format"), Pattern: f.Tag.Get("pattern"), Default: f.Tag.Get("default"), Mask: f.Tag.Get("mask")}
	if !f.IsExported() || !d.name(f.Tag) {
		return nil
	}
	d.Type, d.Nullable = f.Type, f.Type.Kind() == reflect.Slice
	if f.Type.Kind() == reflect.Pointer {
		d.Type, d.Nullable = f.Type.Elem(), true
	}
	d.Kind = kindOf(d.Type)
	if element := d.Type; d.Kind == Object || d.Kind == Objects {
		if d.Kind == Objects {
			element = element.Elem()
		}
		d.Struct = Of(element)
	}
	is := func(tag, value string) bool { return f.Tag.Get(tag) == value }
	d.Required, d.ReadOnly, d.Lines = is("required", "true"), is("readOnly", "true"), is("lines", "true")
	d.UpdateOnly, d.NilNull = is("write", "update"), is("nil", "null")
	d.Optional = d.OmitZero || d.Default != "" || d.Source == Query || is("required", "false")
	d.bounds(f)
	d.choices(f.Tag)
	d.Example = example(d.Kind, f.Tag.Get("example"))
	return d
}

// name reads the names of the field, and reports whether it has any.
func (d *Field) name(tag reflect.StructTag) bool {
	column, options, _ := strings.Cut(tag.Get("db"), ",")
	d.zero = options == "zero"
	for source, key := range []string{JSON: "json", Query: "query", Path: "path"} {
		name, options, _ := strings.Cut(tag.Get(key), ",")
		if name == "" || name == "-" {
			continue
		}
		d.Name, d.Source = name, Source(source)
		d.OmitZero = strings.Contains(options, "omit")
		d.key = "," + strconv.Quote(name) + ":"
	}
	switch {
	case column == "-" || d.Source != JSON:
	case column != "":
		d.Column = column
	default:
		d.Column = d.Name
	}
	return d.Name != "" || d.Column != ""
}

func (d *Field) bounds(f reflect.StructField) {
	number := func(tag string) *int64 {
		text, declared := f.Tag.Lookup(tag)
		if !declared {
			return nil
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			panic(fmt.Sprintf("field: %s: the tag %s is not a number", f.Name, tag))
		}
		return &n
	}
	length := func(tag string, fallback int) int {
		if n := number(tag); n != nil {
			return int(*n)
		}
		return fallback
	}
	d.Min, d.Max = number("minimum"), number("maximum")
	d.MinLength, d.MaxLength, d.MaxItems = length("minLength", 0), length("maxLength", MaxText), length("maxItems", MaxItems)
	d.MinItems = length("minItems", 0)
}

func (d *Field) choices(tag reflect.StructTag) {
	t := d.Type
	if d.Kind == Texts {
		t = t.Elem()
	}
	if c, ok := reflect.TypeAssert[interface{ Choices() []string }](reflect.Zero(t)); ok {
		d.Choices = c.Choices()
	}
	if list := tag.Get("enum"); list != "" {
		d.Choices = strings.Split(list, ",")
	}
	if n := len(d.Choices); n > 0 {
		d.MaxItems = min(d.MaxItems, n)
	}
}

// Strings converts a list of any string type.
func Strings[T ~string](list []T) []string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = string(v)
	}
	return texts
}

// In returns the field of v, a struct.
func (d *Field) In(v reflect.Value) reflect.Value {
	for _, i := range d.index {
		v = v.Field(i)
	}
	return v
}

// MustHave reports whether a body that creates must have the field: it is
// required, or it cannot be absent.
func (d *Field) MustHave() bool {
	return d.Name != "" && d.Source == JSON && !d.ReadOnly && !d.UpdateOnly && !d.Optional && (d.Required || !d.Nullable)
}
