package httpapi

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/musterhq/muster/internal/fault"
)

// param declares a parameter of the query. What it declares is what is
// documented and what is checked.
type param struct {
	name, doc string
	example   any
	kind      string   // a JSON type
	format    string   // date, date-time, uuid
	list      bool     // several, with commas between
	choices   []string // of a text: nothing else is taken
	min, max  int      // of an integer, or the length of a text
	fallback  any      // what is taken when it is absent
}

func (p param) schema() *huma.Schema {
	s := &huma.Schema{Type: p.kind, Format: p.format, Default: p.fallback}
	for _, c := range p.choices {
		s.Enum = append(s.Enum, c)
	}
	switch {
	case p.kind == huma.TypeInteger:
		s.Minimum, s.Maximum = new(float64(p.min)), new(float64(p.max))
	case p.max > 0 && !p.list && p.choices == nil:
		s.MaxLength = new(p.max)
		if p.min > 0 {
			s.MinLength = new(p.min)
		}
	}
	if p.list {
		s.Default = nil
		s = &huma.Schema{Type: huma.TypeArray, Items: s, Default: p.fallback}
	}
	if p.example != nil {
		s.Examples = []any{p.example}
	}
	return s
}

// params are the query parameters of one request. A getter gives the zero value
// for what is absent or wrong; what is wrong is noted, and told all at once by
// err.
type params struct {
	declared []param
	values   url.Values
	wrong    fault.Fields
}

// parseParams reads a query. A name that is not declared, or is there twice,
// and text that is not UTF-8 are noted.
func parseParams(raw string, declared []param) (*params, error) {
	p := &params{declared: declared}
	if raw == "" {
		return p, nil
	}
	var err error
	if p.values, err = url.ParseQuery(raw); err != nil {
		return nil, malformed("malformed_query", "The query could not be read: names and values are percent-encoded, with & between them.").because(err)
	}
	for _, name := range sortedKeys(p.values) {
		switch values := p.values[name]; {
		case p.declaration(name) == nil:
			p.wrong.Add(shown(name), "unknown_parameter", "There is no such parameter here.")
		case len(values) > 1:
			p.wrong.Add(name, "repeated", "It is there %d times and is taken once.", len(values))
		case !utf8.ValidString(values[0]):
			p.wrong.Add(name, "invalid_utf8", "It must be UTF-8.")
		case strings.IndexByte(values[0], 0) >= 0:
			p.wrong.Add(name, "nul", "It must not hold the character NUL.")
		}
	}
	return p, nil
}

// parseFields reads the parameters from the fields of an object: a list is a list
// there, and a number a number. Beside them, the URL has none.
func parseFields(body []byte, raw string, declared []param) (*params, error) {
	var fields map[string]jsontext.Value
	if err := decode(body, &fields); err != nil {
		return nil, err
	}
	p, err := parseParams(raw, nil)
	if err != nil {
		return nil, err
	}
	p.declared, p.values = declared, make(url.Values, len(fields))
	for name, value := range fields {
		d := p.declaration(name)
		switch text, ok := d.textOf(value); {
		case d == nil:
			p.wrong.Add(shown(name), "unknown_field", "There is no such field here.")
		case !ok:
			p.wrong.Add(name, "wrong_type", "It is %s.", d.wanted())
		default:
			p.values[name] = []string{text}
		}
	}
	return p, nil
}

// textOf gives a JSON value as a query would have it.
func (p *param) textOf(value jsontext.Value) (text string, ok bool) {
	switch kind := value.Kind(); {
	case p == nil:
		return "", false
	case p.list:
		var list []string
		if err := json.Unmarshal(value, &list); err != nil || kind != '[' {
			return "", false
		}
		return strings.Join(list, ","), true
	case p.kind == huma.TypeInteger && kind == '0', p.kind == huma.TypeBoolean && (kind == 't' || kind == 'f'):
		return string(value), true
	case p.kind == huma.TypeString && kind == '"':
		err := json.Unmarshal(value, &text)
		return text, err == nil
	default:
		return "", false
	}
}

// wanted says which JSON value is taken.
func (p *param) wanted() string {
	switch {
	case p.list:
		return "a list of texts"
	case p.kind == huma.TypeInteger:
		return "a whole number"
	case p.kind == huma.TypeBoolean:
		return "true or false"
	default:
		return "a text"
	}
}

// fieldsSchema is the object of the parameters.
func fieldsSchema(list []param) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeObject, AdditionalProperties: false, Properties: make(map[string]*huma.Schema, len(list))}
	for _, p := range list {
		field := p.schema()
		field.Description = p.doc
		s.Properties[p.name] = field
	}
	return s
}

func sortedKeys(v url.Values) []string {
	keys := make([]string, 0, len(v))
	for k := range v {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (p *params) declaration(name string) *param {
	for i := range p.declared {
		if p.declared[i].name == name {
			return &p.declared[i]
		}
	}
	return nil
}

// take gives the value of a declared parameter, and false if it is absent or
// known to be wrong.
func (p *params) take(name string) (d *param, value string, ok bool) {
	if d = p.declaration(name); d == nil {
		panic("httpapi: parameter " + name + " is read and not declared")
	}
	values := p.values[name]
	if len(values) == 0 || p.wrong.Has(name) {
		return d, "", false
	}
	return d, values[0], true
}

// text gives a text within its bounds of length.
func (p *params) text(name string) string {
	d, v, ok := p.take(name)
	if !ok {
		return ""
	}
	if n := utf8.RuneCountInString(v); n < d.min || n > d.max {
		p.wrong.Add(name, "out_of_range", "It has %d to %d characters.", d.min, d.max)
		return ""
	}
	return p.chosen(d, v)
}

// texts gives the texts of a list, none twice.
func (p *params) texts(name string) []string {
	d, v, ok := p.take(name)
	if !ok {
		return nil
	}
	parts := strings.Split(v, ",")
	if len(parts) > d.max {
		p.wrong.Add(name, "out_of_range", "It has at most %d entries.", d.max)
		return nil
	}
	var list []string
	for _, part := range parts {
		if part = p.chosen(d, part); part == "" {
			return nil
		}
		if !slices.Contains(list, part) {
			list = append(list, part)
		}
	}
	return list
}

// chosen checks that v is one of the choices, if there are any.
func (p *params) chosen(d *param, v string) string {
	switch {
	case v == "":
		p.wrong.Add(d.name, "empty", "It must not be empty; leave it out instead.")
	case len(d.choices) > 0 && !slices.Contains(d.choices, v):
		p.wrong.Add(d.name, "not_a_choice", "It is one of %s.", strings.Join(d.choices, ", "))
		return ""
	}
	return v
}

// integer gives a whole number within its bounds, or nil.
func (p *params) integer(name string) *int {
	d, v, ok := p.take(name)
	if !ok {
		return nil
	}
	n, err := strconv.Atoi(v)
	switch {
	case err != nil:
		p.wrong.Add(name, "not_a_number", "It is a whole number between %d and %d.", d.min, d.max)
		return nil
	case n < d.min || n > d.max:
		p.wrong.Add(name, "out_of_range", "It lies between %d and %d.", d.min, d.max)
		return nil
	}
	return &n
}

// boolean gives true or false, or nil.
func (p *params) boolean(name string) *bool {
	_, v, ok := p.take(name)
	if !ok {
		return nil
	}
	b := v == "true"
	if !b && v != "false" {
		p.wrong.Add(name, "not_a_choice", "It is true or false.")
		return nil
	}
	return &b
}

// moment gives a time, or nil.
func (p *params) moment(name string) *time.Time {
	return p.clock(name, time.RFC3339, "a time such as 2026-01-31T09:00:00Z", time.UTC)
}

// day gives the start of a day in the zone, or nil.
func (p *params) day(name string, zone *time.Location) *time.Time {
	return p.clock(name, time.DateOnly, "a day such as 2026-01-31", zone)
}

// clock reads a time between the years 1970 and 9999, which both databases
// keep.
func (p *params) clock(name, layout, wanted string, zone *time.Location) *time.Time {
	_, v, ok := p.take(name)
	if !ok {
		return nil
	}
	t, err := time.ParseInLocation(layout, v, zone)
	if err != nil {
		p.wrong.Add(name, "not_a_time", "It is %s.", wanted)
		return nil
	}
	if y := t.UTC().Year(); y < 1970 || y > 9998 {
		p.wrong.Add(name, "out_of_range", "It lies between 1970 and 9998.")
		return nil
	}
	return &t
}

// ordered notes a range that is turned round.
func ordered[T any](p *params, fromName string, from *T, toName string, to *T, after func(from, to T) bool) {
	if from != nil && to != nil && after(*from, *to) {
		p.wrong.Add(toName, "range_inverted", "It must not come before %s.", fromName)
	}
}

// document gives the declaration to the OpenAPI document.
func (p param) document() *huma.Param {
	d := &huma.Param{Name: p.name, In: "query", Description: p.doc, Schema: p.schema()}
	if p.list {
		d.Style, d.Explode = "form", new(false)
		d.Description += fmt.Sprintf(" Up to %d, with commas between.", p.max)
	}
	return d
}
