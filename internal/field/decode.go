package field

import (
	"bytes"
	"math"
	"reflect"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/musterhq/muster/internal/fault"
)

// Mode says what a body is for.
type Mode uint8

// The modes of decoding.
const (
	Create Mode = iota // a field that is required must be there
	Update             // a JSON merge patch (RFC 7396): what is absent stays, null takes a value away
)

// maxWrong is how many wrong fields are noted of one body.
const maxWrong = 50

// Decode reads body, a JSON object, into dst, a pointer to a struct, and checks
// every field. The error is a [SyntaxError] if the body is no JSON, or a fault
// that names every field that is wrong, unknown or missing. Fields that are read
// from elsewhere than the body stay as they are.
func Decode(body []byte, dst any) error {
	if err := CheckSyntax(body); err != nil {
		return err
	}
	var wrong fault.Fields
	DecodeInto(body, dst, Create, "", &wrong)
	return wrong.Err()
}

// DecodeInto is Decode for a body whose syntax was checked, and with a mode. It
// notes what is wrong under prefix and the field's name, and returns the fields
// that the body has, in its order. Objects in the body are decoded in the same
// way, into copies of those that dst has.
func DecodeInto(body []byte, dst any, mode Mode, prefix string, wrong *fault.Fields) (given []*Field) {
	d := &decoder{mode: mode, wrong: wrong}
	return d.object(jsontext.Value(body), Of(reflect.TypeOf(dst)), reflect.ValueOf(dst).Elem(), prefix)
}

// DecodeParameters is DecodeQuery for parameters that are the members of a JSON
// object, whose syntax was checked.
func (s *Struct) DecodeParameters(body []byte, dst any, wrong *fault.Fields) {
	value := reflect.ValueOf(dst).Elem()
	d := &decoder{mode: Update, source: Query, wrong: wrong}
	given := d.object(body, s, value, "")
	for _, f := range s.Fields {
		if f.Source == Query && f.Default != "" && !slices.Contains(given, f) {
			_, _ = f.parse(f.Default, f.In(value)) // a default is right: a test reads each
		}
	}
}

type decoder struct {
	mode   Mode
	source Source
	wrong  *fault.Fields
	noted  int
}

func (d *decoder) add(name, code, format string, args ...any) {
	if d.noted++; d.noted <= maxWrong {
		d.wrong.Add(name, code, format, args...)
	}
}

// object decodes the members of a JSON object.
func (d *decoder) object(body jsontext.Value, s *Struct, v reflect.Value, prefix string) (given []*Field) {
	in := jsontext.NewDecoder(bytes.NewReader(body))
	if open, err := in.ReadToken(); err != nil || open.Kind() != '{' {
		name := "body"
		if prefix != "" {
			name = prefix[:len(prefix)-1]
		}
		d.add(name, CodeWrongType, "Must be an object.")
		return nil
	}
	before := d.noted
	for in.PeekKind() == '"' {
		token, err := in.ReadToken()
		if err != nil {
			break // the syntax was checked
		}
		name := token.String()
		value, err := in.ReadValue()
		if err != nil {
			break
		}
		if f := d.find(s, name, prefix); f != nil {
			given = append(given, f)
			d.field(f, value, f.In(v), prefix+name)
		}
	}
	if d.mode == Create {
		d.requireAll(s, given, prefix)
	}
	if c, ok := v.Addr().Interface().(Checker); ok && d.noted == before {
		c.Check(d.wrong, prefix)
	}
	return given
}

// find returns the field of the name, if the body may have it.
func (d *decoder) find(s *Struct, name, prefix string) *Field {
	f := s.Field(name)
	switch {
	case f == nil || f.Source != d.source:
		d.add(prefix+Printable(name), CodeUnknownField, "There is no such field.")
	case f.ReadOnly || f.Kind == Objects:
		d.add(prefix+name, CodeReadOnly, "Cannot be set.")
	case f.UpdateOnly && d.mode == Create:
		d.add(prefix+name, CodeNotAllowed, "Cannot be set when it is created.")
	default:
		return f
	}
	return nil
}

// requireAll notes the fields that are required and absent.
func (d *decoder) requireAll(s *Struct, given []*Field, prefix string) {
	for _, f := range s.Fields {
		if f.MustHave() && !slices.Contains(given, f) {
			d.add(prefix+f.Name, CodeRequired, "Required.")
		}
	}
}

// field decodes one value.
func (d *decoder) field(f *Field, value jsontext.Value, v reflect.Value, name string) {
	if value.Kind() == 'n' {
		d.null(f, v, name)
		return
	}
	if f.Kind == Object {
		if value.Kind() != '{' {
			d.add(name, CodeWrongType, "Must be %s.", f.wanted())
			return
		}
		d.nested(f, value, v, name)
		return
	}
	target := reflect.New(f.Type).Elem() // new, so that a list does not share memory with the old one
	if !f.read(value, target) {
		d.add(name, CodeWrongType, "Must be %s.", f.wanted())
		return
	}
	if v.Kind() == reflect.Pointer {
		target = target.Addr()
	}
	v.Set(target)
	before := d.wrong.Len()
	f.Check(v, name, d.wrong)
	d.noted += d.wrong.Len() - before
}

// nested decodes an object into a copy of the one in v.
func (d *decoder) nested(f *Field, value jsontext.Value, v reflect.Value, name string) {
	if v.Kind() != reflect.Pointer {
		d.object(value, f.Struct, v, name+".")
		return
	}
	copied, created := reflect.New(f.Type), v.IsNil()
	if !created {
		copied.Elem().Set(v.Elem())
	}
	given := d.object(value, f.Struct, copied.Elem(), name+".")
	if created && d.mode == Update {
		d.requireAll(f.Struct, given, name+".")
	}
	v.Set(copied)
}

func (d *decoder) null(f *Field, v reflect.Value, name string) {
	switch {
	case f.Nullable && (d.mode == Update || !f.Required):
		v.SetZero()
	case f.Required || f.Kind == Text:
		d.add(name, CodeRequired, "Required.")
	default:
		d.add(name, CodeWrongType, "Must be %s.", f.wanted())
	}
}

// read sets v to a JSON value of the field's kind, and reports whether it is one.
func (f *Field) read(value jsontext.Value, v reflect.Value) bool {
	switch f.Kind {
	case Text:
		text, ok := unquote(value)
		v.SetString(text)
		return ok
	case Integer:
		n, ok := wholeNumber(value)
		v.SetInt(n)
		return ok
	case Boolean:
		v.SetBool(value.Kind() == 't')
		return value.Kind() == 't' || value.Kind() == 'f'
	case Time:
		text, _ := unquote(value)
		at, ok := ParseTime(text)
		v.Set(reflect.ValueOf(at))
		return ok
	default:
		return json.Unmarshal(value, v.Addr().Interface()) == nil
	}
}

func unquote(value jsontext.Value) (string, bool) {
	if value.Kind() != '"' {
		return "", false
	}
	text, err := jsontext.AppendUnquote(nil, value)
	return string(text), err == nil
}

// wholeNumber reads a number that is whole, however it is written: 170, 170.0.
func wholeNumber(value jsontext.Value) (int64, bool) {
	if value.Kind() != '0' {
		return 0, false
	}
	if n, err := strconv.ParseInt(string(value), 10, 64); err == nil {
		return n, true
	}
	x, err := strconv.ParseFloat(string(value), 64)
	const exact = 1 << 53
	if err != nil || x != math.Trunc(x) || math.Abs(x) > exact {
		return 0, false
	}
	return int64(x), true
}
