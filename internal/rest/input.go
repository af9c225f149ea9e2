package rest

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
)

// Raw is a body with the fields of a T, as it was sent: its syntax is checked. As
// an embedded field of an input it is the body; who decodes it checks its fields.
type Raw[T any] struct{ Body []byte }

// Given names the fields that the body of a request has. As an embedded field of
// an input it tells null from absent.
type Given struct{ names []string }

// Has reports whether the body has the field.
func (g *Given) Has(name string) bool { return slices.Contains(g.names, name) }

// The embedded fields of an input that are not read by their tags.
type (
	hasRaw interface {
		setBody(body []byte)
		fields() *field.Struct
	}
	hasGiven   interface{ setGiven(list []*field.Field) }
	hasIfMatch interface{ setIfMatch(t tags) }
)

func (r *Raw[T]) setBody(body []byte)   { r.Body = body }
func (r *Raw[T]) fields() *field.Struct { return field.For[T]() }

func (g *Given) setGiven(list []*field.Field) {
	for _, f := range list {
		g.names = append(g.names, f.Name)
	}
}

func (m *IfMatch) setIfMatch(t tags) { m.tags = t }

// Input describes what an operation reads of its requests. It is made of the
// type that the operation takes.
type Input struct {
	Fields      *field.Struct // with those of the path, the query and the body
	Body        *field.Struct // of the body; nil for none
	Accepts     []string      // media types of the body
	QueryInBody bool          // the parameters of the query are fields of the body instead
	IfMatch     bool
}

// newInput describes in, a pointer to the input of an operation.
func newInput(in any, method string, queryInBody bool) Input {
	i := Input{Fields: field.Of(reflect.TypeOf(in)), QueryInBody: queryInBody, Accepts: []string{TypeJSON}}
	_, i.IfMatch = in.(hasIfMatch)
	if raw, ok := in.(hasRaw); ok {
		i.Body = raw.fields()
	} else if i.QueryInBody || i.has(field.JSON) {
		i.Body = i.Fields
	}
	if method == http.MethodPatch {
		i.Accepts = []string{TypePatch, TypeJSON}
	}
	return i
}

func (i *Input) has(s field.Source) bool {
	return slices.ContainsFunc(i.Fields.Fields, func(f *field.Field) bool { return f.Source == s && f.Name != "" })
}

// check reports whether the input has a field for each name in the path, and none
// besides.
func (i *Input) check(path string) error {
	for _, name := range PathNames(path) {
		if f := i.Fields.Field(name); f == nil || f.Source != field.Path {
			return fmt.Errorf("%s has no field for {%s}", i.Fields.Type, name)
		}
	}
	for _, f := range i.Fields.Fields {
		if f.Source == field.Path && !slices.Contains(PathNames(path), f.Name) {
			return fmt.Errorf("%s reads {%s}, which the path does not have", i.Fields.Type, f.Name)
		}
		if f.Name != "" && f.Doc == "" {
			return fmt.Errorf("%s does not document %s", i.Fields.Type, f.Name)
		}
	}
	return nil
}

// PathNames returns the names in the pattern of a path, in order.
func PathNames(path string) (names []string) {
	for part := range strings.SplitSeq(path, "/") {
		if name, open := strings.CutPrefix(part, "{"); open {
			names = append(names, strings.TrimSuffix(name, "}"))
		}
	}
	return names
}

// decode reads a request into in, a pointer to the input, and returns the raw
// body. Faults: 400 for what cannot be parsed, otherwise one with every field that
// is wrong.
func (i *Input) decode(w http.ResponseWriter, r *http.Request, in any) (body []byte, err error) {
	if i.Body != nil {
		if body, err = readBody(w, r, i.Accepts...); err != nil {
			return nil, err
		}
		if err = field.CheckSyntax(body); err != nil {
			return nil, syntaxFailure(err)
		}
	}
	values, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	if i.IfMatch {
		t, err := parseTags("If-Match", r.Header.Values("If-Match"))
		if err != nil {
			return nil, err
		}
		in.(hasIfMatch).setIfMatch(t) //nolint:forcetypeassert // newInput has seen it
	}
	var wrong fault.Fields
	if i.Body != nil {
		i.decodeBody(body, in, &wrong)
	}
	if i.QueryInBody {
		field.For[struct{}]().DecodeQuery(values, &struct{}{}, &wrong)
	} else {
		i.Fields.DecodeQuery(values, in, &wrong)
	}
	i.Fields.DecodePath(r.PathValue, in, &wrong)
	if c, ok := in.(field.Checker); ok && i.Body == nil && wrong.Len() == 0 {
		c.Check(&wrong, "")
	}
	return body, wrong.Err()
}

// decodeBody reads a body whose syntax was checked.
func (i *Input) decodeBody(body []byte, in any, wrong *fault.Fields) {
	switch raw, isRaw := in.(hasRaw); {
	case isRaw:
		raw.setBody(body)
		if start := bytes.TrimLeft(body, " \t\r\n"); start[0] != '{' {
			wrong.Add("body", field.CodeWrongType, "Must be an object.")
		}
	case i.QueryInBody:
		i.Fields.DecodeParameters(body, in, wrong)
	default:
		given := field.DecodeInto(body, in, field.Create, "", wrong)
		if g, ok := in.(hasGiven); ok {
			g.setGiven(given)
		}
	}
}

func parseQuery(raw string) (url.Values, error) {
	if raw == "" {
		return nil, nil //nolint:nilnil // no parameters
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, malformed("malformed_query", "The query could not be parsed. Percent-encode names and values, and separate them with &.").because(err)
	}
	return values, nil
}

// syntaxFailure returns the failure for a body that is not JSON.
func syntaxFailure(err error) error {
	s, ok := errors.AsType[*field.SyntaxError](err)
	if !ok {
		return malformed("malformed_json", "The body is not JSON.").because(err)
	}
	f := malformed(s.Code, "%s", s.Message)
	if s.Field != "" {
		f.Fault.Fields = []fault.Field{{Name: s.Field, Code: s.FieldCode, Message: s.FieldText}}
	}
	return f
}
