package field

import (
	"encoding"
	"reflect"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// AppendJSON appends v, a pointer to a struct, as JSON: every field on the wire,
// in the order of its declaration. It is what the JSON library writes, in a third
// of the time.
func AppendJSON(b []byte, v any) ([]byte, error) {
	value := reflect.ValueOf(v).Elem()
	return Of(value.Type()).append(b, value)
}

func (s *Struct) append(b []byte, v reflect.Value) ([]byte, error) {
	if s.encodes {
		return v.Addr().Interface().(Appender).AppendJSON(b) //nolint:forcetypeassert // encodes says so
	}
	b = append(b, '{')
	b, err := s.appendFields(b, v)
	return append(b, '}'), err
}

// AppendFields is AppendJSON without the braces.
func AppendFields(b []byte, v any) ([]byte, error) {
	value := reflect.ValueOf(v).Elem()
	return Of(value.Type()).appendFields(b, value)
}

func (s *Struct) appendFields(b []byte, v reflect.Value) (_ []byte, err error) {
	first := len(b)
	for _, f := range s.Fields {
		if f.quoted == "" {
			continue
		}
		value := f.In(v)
		if f.OmitZero && value.IsZero() {
			continue
		}
		if len(b) > first {
			b = append(b, ',')
		}
		if b, err = f.appendValue(append(b, f.quoted...), value); err != nil {
			return b, err
		}
	}
	return b, nil
}

// Append appends the field of v, a pointer to the struct, without its name.
func (d *Field) Append(b []byte, v any) ([]byte, error) {
	return d.appendValue(b, d.In(reflect.ValueOf(v).Elem()))
}

func (d *Field) appendValue(b []byte, v reflect.Value) ([]byte, error) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		v = v.Elem()
	}
	switch d.Kind {
	case Text:
		return jsontext.AppendQuote(b, v.String())
	case Integer:
		return strconv.AppendInt(b, v.Int(), 10), nil
	case Boolean:
		return strconv.AppendBool(b, v.Bool()), nil
	case Time:
		return AppendTime(b, *v.Addr().Interface().(*time.Time)), nil //nolint:forcetypeassert // the kind says so
	case ID:
		b, err := v.Addr().Interface().(encoding.TextAppender).AppendText(append(b, '"')) //nolint:forcetypeassert // as above
		return append(b, '"'), err
	case Texts:
		if v.IsNil() && d.NilNull {
			return append(b, "null"...), nil
		}
		return appendTexts(b, v)
	case Object:
		return d.Struct.append(b, v)
	case Objects:
		return d.Struct.appendList(b, v)
	default:
		text, err := json.Marshal(v.Addr().Interface(), json.FormatNilSliceAsNull(true))
		return append(b, text...), err
	}
}

func appendTexts(b []byte, list reflect.Value) (_ []byte, err error) {
	b = append(b, '[')
	for i := range list.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = jsontext.AppendQuote(b, list.Index(i).String()); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

func (s *Struct) appendList(b []byte, list reflect.Value) (_ []byte, err error) {
	b = append(b, '[')
	for i := range list.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = s.append(b, list.Index(i)); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

// AppendTime appends a time in UTC as RFC 3339 writes it, in quotes.
func AppendTime(b []byte, t time.Time) []byte {
	at := t.UTC()
	year, month, day := at.Date()
	if year < 1000 || year > 9999 {
		return append(at.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
	}
	hour, minute, second := at.Clock()
	b = strconv.AppendInt(append(b, '"'), int64(year), 10)
	b = appendPair(append(b, '-'), int(month))
	b = appendPair(append(b, '-'), day)
	b = appendPair(append(b, 'T'), hour)
	b = appendPair(append(b, ':'), minute)
	b = appendPair(append(b, ':'), second)
	return append(appendFraction(b, at.Nanosecond()), 'Z', '"')
}

// appendPair writes a number below 100 in two digits.
func appendPair(b []byte, n int) []byte {
	return append(b, byte('0'+n/10), byte('0'+n%10)) //nolint:gosec // they are digits
}

// appendFraction writes nanoseconds as digits behind a point, without the zeros
// at their end; none as nothing.
func appendFraction(b []byte, ns int) []byte {
	if ns == 0 {
		return b
	}
	b = append(b, '.')
	for unit := 100_000_000; ns > 0; unit /= 10 {
		b = append(b, byte('0'+ns/unit)) //nolint:gosec // it is a digit
		ns %= unit
	}
	return b
}
