package field

import (
	"encoding"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/fault"
)

// Parse reads text into v, the field's place in a struct, and checks the value,
// as a parameter of a query or a path is read. An empty text is [CodeEmpty]. The
// entries of a list have commas between. It reports whether the value is right,
// and notes under name what is wrong with it.
func (d *Field) Parse(text string, v reflect.Value, name string, wrong *fault.Fields) bool {
	code, message := d.parse(text, v)
	if code != "" {
		wrong.Add(name, code, "%s", message)
		return false
	}
	return d.Check(v, name, wrong)
}

func (d *Field) parse(text string, v reflect.Value) (code, message string) {
	if code, message = CheckText(text, true); code != "" && d.Kind != Text {
		return code, message
	}
	if strings.TrimSpace(text) == "" {
		return CodeEmpty, "Must not be empty; leave it out instead."
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(d.Type))
		v = v.Elem()
	}
	switch d.Kind {
	case Text:
		v.SetString(text)
	case Texts:
		return d.parseTexts(text, v)
	case Integer:
		return d.parseInteger(text, v)
	case Boolean:
		if text != "true" && text != "false" {
			return CodeWrongType, "Must be true or false."
		}
		v.SetBool(text == "true")
	case Time:
		at, ok := ParseTime(text)
		if d.Format == formatDate {
			at, ok = parseDay(text)
		}
		if !ok {
			return CodeWrongType, "Must be " + d.wanted() + "."
		}
		v.Set(reflect.ValueOf(at))
	default:
		return parseOther(text, v, d.wanted())
	}
	return "", ""
}

func (d *Field) parseInteger(text string, v reflect.Value) (code, message string) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		message = "Must be a whole number."
		if d.Min != nil && d.Max != nil {
			message = fmt.Sprintf("Must be a whole number from %d to %d.", *d.Min, *d.Max)
		}
		return CodeWrongType, message
	}
	v.SetInt(n)
	return "", ""
}

// parseTexts reads a list, in which a text that comes twice counts once.
func (d *Field) parseTexts(text string, v reflect.Value) (code, message string) {
	var list []string
	for part := range strings.SplitSeq(text, ",") {
		if part = Normalize(part); !slices.Contains(list, part) {
			list = append(list, part)
		}
		if len(list) > d.MaxItems {
			return CodeTooMany, fmt.Sprintf("Must have at most %d entries.", d.MaxItems)
		}
	}
	setTexts(v, list)
	return "", ""
}

func parseOther(text string, v reflect.Value, wanted string) (code, message string) {
	u, ok := v.Addr().Interface().(encoding.TextUnmarshaler)
	if !ok || u.UnmarshalText([]byte(text)) != nil {
		return CodeMalformed, "Must be " + wanted + "."
	}
	return "", ""
}


func parseDay(text string) (time.Time, bool) {
	t, err := time.Parse(time.DateOnly, text)
	return t, err == nil
}

// ParseTime reads a time of RFC 3339, whose T and Z may be in lower case.
func ParseTime(text string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, strings.ToUpper(text))
	return t, err == nil
}

// DecodeQuery reads the parameters that the struct declares into dst, a pointer
// to it, and notes under their names those that are wrong, given twice, or not
// declared. An absent one gets its default, unless a pointer says that it may be
// absent.
func (s *Struct) DecodeQuery(values url.Values, dst any, wrong *fault.Fields) {
	value := reflect.ValueOf(dst).Elem()
	for _, f := range s.Fields {
		if f.Source != Query {
			continue
		}
		switch given := values[f.Name]; {
		case len(given) > 1:
			wrong.Add(f.Name, CodeDuplicate, "Given %d times; give it once.", len(given))
		case len(given) == 1:
			f.Parse(given[0], f.In(value), f.Name, wrong)
		case f.Default != "":
			_, _ = f.parse(f.Default, f.In(value)) // a default is right: a test reads each
		}
	}
	for _, name := range sortedKeys(values) {
		if f := s.Field(name); f == nil || f.Source != Query {
			wrong.Add(Printable(name), CodeUnknownParam, "There is no such parameter.")
		}
	}
}

// DecodePath reads what a path leaves open into dst, a pointer to the struct.
func (s *Struct) DecodePath(text func(name string) string, dst any, wrong *fault.Fields) {
	value := reflect.ValueOf(dst).Elem()
	for _, f := range s.Fields {
		if f.Source == Path {
			f.Parse(text(f.Name), f.In(value), f.Name, wrong)
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Printable makes a name that the caller chose fit to be shown: bounded and
// printable.
func Printable(name string) string {
	const most = 64
	name = strings.ToValidUTF8(name, "?")
	name = strings.Map(func(r rune) rune {
		if strconv.IsPrint(r) {
			return r
		}
		return '?'
	}, name)
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "…"
	}
	return name
}
