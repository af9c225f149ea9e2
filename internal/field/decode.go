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
	Create Mode = iota // a required field must be present
	Update             // a JSON merge patch (RFC 7396): an absent field stays, null removes a value
)

// maxWrong bounds how many wrong fields are reported for one body: one more list
// may be reported whole.
const maxWrong = 50

// Decode decodes body, a JSON object, into dst, a pointer to a struct, and checks
// every field. The error is a [*SyntaxError] if the body is not JSON, or a fault
// that names every wrong, unknown or missing field. Fields from the query and the
// path stay as they are.
func Decode(body []byte, dst any) error {
	if err := CheckSyntax(body); err != nil {
		return err
	}
	var wrong fault.Fields
	DecodeInto(body, dst, Create, "", &wrong)
	return wrong.Err()
}

// DecodeInto is [Decode] for a body that passed [CheckSyntax], with a mode. It
// adds to wrong what is wrong, under prefix and the field's name, and returns the
// fields that the body has, in its order. What the fields of dst point to is
// replaced, never changed: a patch works on copies of the objects.
func DecodeInto(body []byte, dst any, mode Mode, prefix string, wrong *fault.Fields) (given []*Field) {
	d := &decoder{mode: mode, wrong: wrong}
	return d.object(jsontext.Value(body), Of(reflect.TypeOf(dst)), reflect.ValueOf(dst).Elem(), prefix)
}

// DecodeParameters is [Struct.DecodeQuery] for parameters that are the fields of
// a JSON object, which passed [CheckSyntax].
func (s *Struct) DecodeParameters(body []byte, dst any, wrong *fault.Fields) {
	value := reflect.ValueOf(dst).Elem()
	d := &decoder{mode: Update, source: Query, wrong: wrong}
	given := d.object(body, s, value, "")
	for _, f := range s.Fields {
		if f.Source == Query && f.Default != "" && !slices.Contains(given, f) {
			f.setDefault(value)
		}
	}
}

// checked spares the decoder what CheckSyntax has done.
var checked = jsontext.AllowDuplicateNames(true)

type decoder struct {
	mode   Mode
	source Source
	wrong  *fault.Fields
	failed int // how many fields were wrong, reported or not
}

func (d *decoder) add(name, code, format string, args ...any) {
	if d.failed++; d.failed <= maxWrong {
		d.wrong.Add(name, code, format, args...)
	}
}

// check runs a check that adds to wrong by itself.
func (d *decoder) check(fn func(wrong *fault.Fields)) {
	before := d.wrong.Len()
	fn(d.wrong)
	d.failed += d.wrong.Len() - before
}

// object decodes a JSON object.
func (d *decoder) object(body jsontext.Value, s *Struct, v reflect.Value, prefix string) (given []*Field) {
	in := jsontext.NewDecoder(bytes.NewReader(body), checked)
	if open, err := in.ReadToken(); err != nil || open.Kind() != '{' {
		name := "body"
		if prefix != "" {
			name = prefix[:len(prefix)-1]
		}
		d.add(name, CodeWrongType, "Must be an object.")
		return nil
	}
	before := d.failed
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
	if c, ok := reflect.TypeAssert[Checker](v.Addr()); ok && d.failed == before {
		d.check(func(wrong *fault.Fields) { c.Check(wrong, prefix) })
	}
	return given
}

// find returns the named field if the body may have it.
func (d *decoder) find(s *Struct, name, prefix string) *Field {
	f := s.Field(name)
	switch {
	case f == nil || f.Source != d.source:
		d.add(prefix+printable(name), CodeUnknownField, "There is no such field.")
	case f.ReadOnly || f.Kind == Objects:
		d.add(prefix+name, CodeReadOnly, "Cannot be set.")
	case f.UpdateOnly && d.mode == Create:
		d.add(prefix+name, CodeNotAllowed, "Cannot be set when it is created.")
	default:
		return f
	}
	return nil
}

// requireAll reports the required fields that are absent.
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
	target := reflect.New(f.Type).Elem() // new: a list must not share memory with the old one
	if !f.read(value, target) {
		code, message := f.wrongText()
		if value.Kind() != '"' || f.Kind != ID {
			code = CodeWrongType
		}
		d.add(name, code, "%s", message)
		return
	}
	if v.Kind() == reflect.Pointer {
		target = target.Addr()
	}
	v.Set(target)
	d.check(func(wrong *fault.Fields) { f.Check(v, name, wrong) })
	if d.mode == Create && f.Required && f.Nullable && v.IsZero() { // it was an empty text or list
		d.add(name, CodeRequired, "Required.")
	}
}

// nested decodes an object into v, or into a copy of the one that v points to.
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
	case f.Required || f.Kind == Text && !f.Optional:
		d.add(name, CodeRequired, "Required.")
	default:
		d.add(name, CodeWrongType, "Must be %s.", f.wanted())
	}
}

// read sets v to a JSON value, and reports whether it is of the field's kind.
func (d *Field) read(value jsontext.Value, v reflect.Value) bool {
	switch d.Kind {
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
		at, ok := d.parseTime(text)
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

// wholeNumber reads a whole number in any notation: 170, 170.0, 1.7e2.
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
