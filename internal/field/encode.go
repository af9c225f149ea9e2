package field

import (
	"bytes"
	"encoding"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// AppendJSON appends v, a pointer to a struct, as JSON: every field on the wire,
// in the order of its declaration, as the JSON library writes them, in a third of
// the time. Times are in UTC.
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

// AppendFields is [AppendJSON] without the braces, for v of the struct's type.
func (s *Struct) AppendFields(b []byte, v any) ([]byte, error) {
	return s.appendFields(b, reflect.ValueOf(v).Elem())
}

func (s *Struct) appendFields(b []byte, v reflect.Value) (_ []byte, err error) {
	before := 1 // the first field has no comma before it
	for _, f := range s.Fields {
		if f.key == "" {
			continue
		}
		value := f.In(v)
		if f.OmitZero && value.IsZero() {
			continue
		}
		if b, err = f.appendValue(append(b, f.key[before:]...), value); err != nil {
			return b, err
		}
		before = 0
	}
	return b, nil
}

// Append appends the field of v, a pointer to the struct, without its name.
func (d *Field) Append(b []byte, v any) ([]byte, error) {
	return d.appendValue(b, d.In(reflect.ValueOf(v).Elem()))
}

// AppendNamed appends a comma, the name of the field, and its value in v, a
// pointer to the struct.
func (d *Field) AppendNamed(b []byte, v any) ([]byte, error) {
	return d.Append(append(b, d.key...), v)
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
		return appendText(b, v.String())
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

// appendText appends a JSON string. Most texts have nothing to escape.
func appendText(b []byte, text string) ([]byte, error) {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return jsontext.AppendQuote(b, text)
		}
	}
	return append(append(append(b, '"'), text...), '"'), nil
}

func appendTexts(b []byte, list reflect.Value) (_ []byte, err error) {
	b = append(b, '[')
	for i := range list.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendText(b, list.Index(i).String()); err != nil {
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
	b = appendPair(appendPair(append(b, '"'), year/100), year%100)
	b = appendPair(append(b, '-'), int(month))
	b = appendPair(append(b, '-'), day)
	b = appendPair(append(b, 'T'), hour)
	b = appendPair(append(b, ':'), minute)
	b = appendPair(append(b, ':'), second)
	return append(appendFraction(b, at.Nanosecond()), 'Z', '"')
}

// appendPair appends a number below 100 as two digits.
func appendPair(b []byte, n int) []byte {
	return append(b, byte('0'+n/10), byte('0'+n%10)) //nolint:gosec // they are digits
}

// appendFraction appends nanoseconds as a decimal fraction without trailing zeros,
// or nothing for 0.
func appendFraction(b []byte, ns int) []byte {
	if ns == 0 {
		return b
	}
	digits := [10]byte{'.'}
	for i := len(digits) - 1; i > 0; i-- {
		digits[i] = byte('0' + ns%10)
		ns /= 10
	}
	return append(b, bytes.TrimRight(digits[:], "0")...)
}
