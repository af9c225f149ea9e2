package openapi

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/rest"
)

// mode is what a schema is for.
type mode string

// The modes are the beginnings of the names that schemas have in them, or the end
// of one for a patch.
const (
	answer mode = ""
	create mode = "New"
	patch  mode = "Patch"
)

// schemas are the schemas of a document. They are made from the descriptors of
// types as they are asked for.
type schemas struct {
	huma.Registry // for what the document's encoding asks of one
	all           map[string]*huma.Schema
	names         map[reflect.Type]string
	written       map[reflect.Type]bool // types that are in a body
}

func newSchemas(names map[reflect.Type]string, endpoints []*rest.Endpoint) *schemas {
	s := &schemas{all: map[string]*huma.Schema{}, names: names, written: map[reflect.Type]bool{}}
	for _, e := range endpoints {
		if e.Input.Body != nil {
			s.mark(e.Input.Body)
		}
	}
	return s
}

// mark notes that a type, and those of its fields, are in a body.
func (s *schemas) mark(t *field.Struct) {
	s.written[t.Type] = true
	for _, f := range t.Fields {
		if f.Struct != nil && !f.ReadOnly {
			s.mark(f.Struct)
		}
	}
}

// MarshalJSON implements [json.Marshaler].
func (s *schemas) MarshalJSON() ([]byte, error) { return json.Marshal(s.all) } //nolint:wrapcheck // it is the document's

// body returns the schema for the body of an operation.
func (s *schemas) body(e *rest.Endpoint) *huma.Schema {
	switch {
	case e.Input.QueryInBody:
		return s.parameters(e.Input.Body)
	case e.Method == http.MethodPatch:
		return s.of(bodyOf(e.Input.Body), patch)
	default:
		return s.of(bodyOf(e.Input.Body), create)
	}
}

// bodyOf returns the struct that has the fields of the body: the input itself, or
// one that it embeds beside those of the path.
func bodyOf(s *field.Struct) *field.Struct {
	var embedded *field.Struct
	for f := range s.Type.Fields() {
		if f.Tag.Get("json") != "" {
			return s
		}
		if f.Anonymous && f.IsExported() && f.Type.Kind() == reflect.Struct {
			if inner := field.Of(f.Type); len(inner.Fields) > 0 && inner.Fields[0].Source == field.JSON {
				embedded = inner
			}
		}
	}
	if embedded == nil {
		return s
	}
	return bodyOf(embedded)
}

// of returns a reference to the schema of a struct.
func (s *schemas) of(t *field.Struct, m mode) *huma.Schema {
	name := s.names[t.Type]
	if name == "" {
		name = t.Type.Name()
	}
	switch {
	case m == answer || !isResource(t):
		m = answer
	case m == create:
		name = string(create) + name
	default:
		name += string(patch)
	}
	if s.all[name] == nil {
		schema := &huma.Schema{Type: huma.TypeObject, AdditionalProperties: false, Properties: map[string]*huma.Schema{}}
		s.all[name] = schema
		s.fill(schema, t, m)
	}
	return &huma.Schema{Ref: "#/components/schemas/" + name}
}

// isResource reports whether a body has not all fields that an answer has.
func isResource(t *field.Struct) bool {
	return slices.ContainsFunc(t.Fields, func(f *field.Field) bool { return f.Name != "" && (f.ReadOnly || f.UpdateOnly) })
}

var appender = reflect.TypeFor[field.Appender]()

func (s *schemas) fill(schema *huma.Schema, t *field.Struct, m mode) {
	partial := isResource(t) && reflect.PointerTo(t.Type).Implements(appender) // it leaves out what was not asked for
	for _, f := range t.Fields {
		if f.Name == "" || f.Source != field.JSON || m != answer && f.ReadOnly || m == create && f.UpdateOnly {
			continue
		}
		schema.Properties[f.Name] = s.field(f, m)
		if !s.written[t.Type] {
			unbound(schema.Properties[f.Name])
		}
		if s.isRequired(t, f, m) && (!partial || f.Struct == nil) {
			schema.Required = append(schema.Required, f.Name)
		}
	}
}

func (s *schemas) isRequired(t *field.Struct, f *field.Field, m mode) bool {
	switch {
	case m == patch || f.OmitZero:
		return false
	case m == create || s.written[t.Type] && !isResource(t):
		return f.MustHave()
	default:
		return true
	}
}

// field returns the schema of a field.
func (s *schemas) field(f *field.Field, m mode) *huma.Schema {
	if f.Kind == field.Object {
		ref := s.of(f.Struct, m)
		if !f.Nullable {
			return &huma.Schema{Ref: ref.Ref, Description: f.Doc}
		}
		return &huma.Schema{Description: f.Doc, AnyOf: []*huma.Schema{ref, {Type: "null"}}}
	}
	schema := parameter(f)
	switch f.Kind {
	case field.Integer:
		schema.Format = "int64"
	case field.Number:
		schema.Format = "double"
	}
	schema.Description, schema.ReadOnly = f.Doc, f.ReadOnly
	if f.Kind == field.Objects {
		schema.Items = s.of(f.Struct, m)
	}
	schema.Nullable = (f.Nullable && f.Kind != field.Objects && f.Kind != field.Texts || f.NilNull) && (m != create || !f.Required)
	if schema.Nullable && len(schema.Enum) > 0 {
		schema.Enum = append(schema.Enum, nil)
	}
	return schema
}

// unbound leaves out the bound that texts have by default: only a request has to
// keep to it.
func unbound(s *huma.Schema) {
	if s.MaxLength != nil && *s.MaxLength == field.MaxText {
		s.MinLength, s.MaxLength = nil, nil
	}
}

// parameters returns the object of the parameters of a query.
func (s *schemas) parameters(t *field.Struct) *huma.Schema {
	schema := &huma.Schema{Type: huma.TypeObject, AdditionalProperties: false, Properties: map[string]*huma.Schema{}}
	for _, f := range t.Fields {
		if f.Source == field.Query {
			schema.Properties[f.Name] = parameter(f)
			schema.Properties[f.Name].Description = f.Doc
		}
	}
	return schema
}

// types are the JSON types of the kinds of fields.
var types = map[field.Kind]string{
	field.Text: huma.TypeString, field.Integer: huma.TypeInteger, field.Number: huma.TypeNumber, field.Boolean: huma.TypeBoolean,
	field.Time: huma.TypeString, field.ID: huma.TypeString, field.Texts: huma.TypeArray, field.Objects: huma.TypeArray,
}

// parameter returns what a field takes.
func parameter(f *field.Field) *huma.Schema {
	s := &huma.Schema{Type: types[f.Kind], Format: f.Format, Pattern: f.Pattern}
	if f.Example != nil {
		s.Examples = []any{f.Example}
	}
	switch f.Kind {
	case field.Text:
		texts(s, f)
	case field.Texts:
		s.Items = &huma.Schema{Type: huma.TypeString}
		texts(s.Items, f)
		s.MaxItems = &f.MaxItems
		if f.MinItems > 0 {
			s.MinItems = &f.MinItems
		}
	case field.Integer, field.Number:
		bounds(s, f)
	case field.Time:
		if s.Format == "" {
			s.Format = "date-time"
		}
	case field.ID:
		s.Format = "uuid"
	case field.Other:
		if f.Type == reflect.TypeFor[json.RawMessage]() { // an object that is stored as it is
			s.Type, s.AdditionalProperties = huma.TypeObject, true
		}
	}
	if f.Default != "" {
		s.Default = f.Default
		if n, err := strconv.Atoi(f.Default); err == nil {
			s.Default = n
		}
	}
	return s
}

func texts(s *huma.Schema, f *field.Field) {
	for _, c := range f.Choices {
		s.Enum = append(s.Enum, c)
	}
	if len(f.Choices) > 0 || f.ReadOnly || f.Format != "" {
		return
	}
	s.MaxLength = &f.MaxLength
	if least := max(f.MinLength, 1); !f.Nullable || f.MinLength > 0 || f.Kind == field.Texts {
		s.MinLength = &least
	}
}

func bounds(s *huma.Schema, f *field.Field) {
	if f.Min != nil {
		s.Minimum = new(float64(*f.Min))
	}
	if f.Max != nil {
		s.Maximum = new(float64(*f.Max))
	}
}
