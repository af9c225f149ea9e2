package field

import (
	"encoding"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/fault"
)

// Parse parses text, a parameter of a query or a path, into v, the field's place
// in a struct, and checks the value. The entries of a list are separated by
// commas. An empty text is an error. Parse reports whether the value is right,
// and adds to wrong what is wrong with it, under name.
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
	ok := true
	switch d.Kind {
	case Text:
		v.SetString(text)
	case Texts:
		return d.parseTexts(text, v)
	case Integer:
		n, err := strconv.ParseInt(text, 10, 64)
		v.SetInt(n)
		ok = err == nil
	case Boolean:
		v.SetBool(text == "true")
		ok = text == "true" || text == "false"
	case Time:
		var at time.Time
		at, ok = d.parseTime(text)
		v.Set(reflect.ValueOf(at))
	default:
		u, unmarshals := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr())
		ok = unmarshals && u.UnmarshalText([]byte(text)) == nil
	}
	if !ok {
		return d.wrongText()
	}
	return "", ""
}

// wrongText returns the code and the message for a text that is not a value of the
// field.
func (d *Field) wrongText() (code, message string) {
	code = CodeWrongType
	if d.Kind == ID || d.Kind == Other {
		code = CodeMalformed
	}
	return code, "Must be " + d.wanted() + "."
}

// parseTexts parses a list and drops duplicates.
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

// parseTime parses a day, or a time of RFC 3339, whose T and Z may be in lower
// case.
func (d *Field) parseTime(text string) (time.Time, bool) {
	if d.Format == formatDate {
		t, err := time.Parse(time.DateOnly, text)
		return t, err == nil
	}
	t, err := time.Parse(time.RFC3339, strings.ToUpper(text))
	if err != nil || text[len("2006-01-02T1")] == ':' || strings.Contains(text, ",") { // which Parse lets pass
		return time.Time{}, false
	}
	return t, true
}

// setDefault sets the field of v, a struct, to its default. A test parses every
// default.
func (d *Field) setDefault(v reflect.Value) { _, _ = d.parse(d.Default, d.In(v)) }

// DecodeQuery parses the parameters that the struct declares into dst, a pointer
// to it, sets absent ones to their defaults, and adds to wrong those that are
// wrong, given twice or not declared. It does not run the struct's own Check.
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
			f.setDefault(value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if f := s.Field(name); f == nil || f.Source != Query {
			wrong.Add(printable(name), CodeUnknownParam, "There is no such parameter.")
		}
	}
}

// DecodePath parses the parameters of a path, which text returns by their names,
// into dst, a pointer to the struct.
func (s *Struct) DecodePath(text func(name string) string, dst any, wrong *fault.Fields) {
	value := reflect.ValueOf(dst).Elem()
	for _, f := range s.Fields {
		if f.Source == Path {
			f.Parse(text(f.Name), f.In(value), f.Name, wrong)
		}
	}
}

// printable makes a name that the caller chose fit for a message: short and
// printable.
func printable(name string) string {
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
