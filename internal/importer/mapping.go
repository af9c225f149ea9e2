package importer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"

	"github.com/musterhq/muster/internal/csvfile"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
)

// Map says which column of a file feeds which field of a member. [ParseMap] reads
// it from TOML; docs/examples has examples.
type Map struct {
	File    File              `toml:"file"`
	ID      Identity          `toml:"id"`
	Fields  []FieldMap        `toml:"field"`
	Ignored map[string]string `toml:"ignored"` // columns that feed no field, with the reason

	hash string
}

// File describes the format of a file.
type File struct {
	Delimiter string   `toml:"delimiter"` // "," if absent; also ";", "|" and tab
	Encoding  string   `toml:"encoding"`  // "utf-8" if absent; a byte order mark wins
	Header    []string `toml:"header"`    // the columns of a file without a header
	Blank     []string `toml:"blank"`     // cells that mean the same as an empty one: "NA"
	ByName    bool     `toml:"by_name"`   // a column with the name of a field feeds it; ";" separates the entries of a list
}

// Identity identifies a row when it is imported again: a namespace, and the columns
// that are unique in it.
type Identity struct {
	Namespace string `toml:"namespace"`
	From      any    `toml:"from"`
}

// FieldMap says what feeds one field of a member. The kind of the field decides
// which settings it may have.
type FieldMap struct {
	To   string  `toml:"to"`
	From any     `toml:"from"`  // a column, or several
	Text *string `toml:"value"` // for every row, in place of a column

	Columns map[string]string `toml:"columns"`  // list: the entry that each column stands for
	AtLeast *float64          `toml:"at_least"` // of columns: the least number that counts
	When    []string          `toml:"when"`     // of columns: the words that count
	Most    int               `toml:"most"`     // list: entries, the weightiest first

	Convert string          `toml:"convert"` // "age" or "year", to a birth year
	At      *toml.LocalDate `toml:"at"`      // age: the day of the age
	Layout  string          `toml:"layout"`  // date: "YYYY-MM-DD hh:mm:ss" in another order

	Codes    map[string]string `toml:"codes"`    // the meanings of all cells
	Synonyms map[string]string `toml:"synonyms"` // the meanings of some cells; others stay
	Case     string            `toml:"case"`     // "lower", "upper" or "capital"
	Split    string            `toml:"split"`    // list: the separator of the entries of a cell
	Join     *string           `toml:"join"`     // text of several columns: what joins them
	Format   string            `toml:"format"`   // text: "Participant {}"

	Grouping string   `toml:"grouping"` // number: the mark that groups digits
	Decimal  string   `toml:"decimal"`  // number: "." if absent
	Unit     string   `toml:"unit"`     // number: the text before or behind it
	Times    *float64 `toml:"times"`    // number: the factor

	Default  string `toml:"default"`  // in place of a blank cell
	Required bool   `toml:"required"` // a blank cell rejects the row

	from []string // of From and Columns, in the map's or the alphabet's order
}

// maxMap bounds a map, in bytes.
const maxMap = 1 << 20

// ParseMap reads a map. Faults: bad_map, which names the line or the field.
func ParseMap(text []byte) (*Map, error) {
	if len(text) > maxMap {
		return nil, badMap("it is longer than %d bytes", maxMap)
	}
	if !utf8.Valid(text) {
		return nil, badMap("it is not UTF-8")
	}
	var m Map
	d := toml.NewDecoder(bytes.NewReader(text))
	if err := d.DisallowUnknownFields().Decode(&m); err != nil {
		return nil, explain(err)
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	m.hash = hex.EncodeToString(sum[:])
	return &m, nil
}

func badMap(format string, args ...any) error {
	return fault.New(fault.Invalid, "bad_map", "The map cannot be used: "+format+".", args...)
}

// explain returns the fault for what the TOML library refuses, with its line.
func explain(err error) error {
	if strict := (*toml.StrictMissingError)(nil); errors.As(err, &strict) {
		unknown := make([]string, len(strict.Errors))
		for i := range strict.Errors {
			line, _ := strict.Errors[i].Position()
			unknown[i] = fmt.Sprintf("line %d: unknown setting %q", line, strings.Join(strict.Errors[i].Key(), "."))
		}
		return badMap("%s", strings.Join(unknown, "; "))
	}
	if syntax := (*toml.DecodeError)(nil); errors.As(err, &syntax) {
		line, column := syntax.Position()
		return badMap("line %d, column %d: %s", line, column, strings.TrimPrefix(syntax.Error(), "toml: "))
	}
	return badMap("%s", strings.TrimPrefix(err.Error(), "toml: "))
}

func (m *Map) check() error {
	if err := m.File.check(); err != nil {
		return err
	}
	if _, err := columnsOf(m.ID.From); err != nil || strings.TrimSpace(m.ID.Namespace) == "" {
		return badMap(`[id] needs a namespace and the columns that identify a row, such as namespace = "club-2019", from = "number"`)
	}
	seen := map[string]bool{}
	for i := range m.Fields {
		f := &m.Fields[i]
		if err := f.check(); err != nil {
			return badMap("field %d (%s): %s", i+1, f.To, err)
		}
		if seen[f.To] {
			return badMap("field %d (%s): given twice; give it once", i+1, f.To)
		}
		seen[f.To] = true
	}
	for column, why := range m.Ignored {
		if strings.TrimSpace(why) == "" {
			return badMap("[ignored] needs a reason for the column %q", column)
		}
	}
	return nil
}

func (f *File) check() error {
	if f.Delimiter == "" {
		f.Delimiter = ","
	}
	if !slices.Contains([]string{",", ";", "\t", "|"}, f.Delimiter) {
		return badMap(`the delimiter must be ",", ";", "|" or a tab`)
	}
	if f.Encoding != "" && !csvfile.KnowsEncoding(f.Encoding) {
		return badMap("unknown encoding %q; use one of %s", f.Encoding, strings.Join(csvfile.Encodings(), ", "))
	}
	return nil
}

// byName returns the fields that columns feed by their names: those for which the
// map says nothing else.
func (m *Map) byName(header []string) (fields []FieldMap) {
	if !m.File.ByName {
		return nil
	}
	for _, name := range header {
		t, known := targets[name]
		_, ignored := m.Ignored[name]
		if !known || ignored || slices.ContainsFunc(m.Fields, func(f FieldMap) bool { return f.To == name || slices.Contains(f.from, name) }) {
			continue
		}
		f := FieldMap{To: name, From: name, from: []string{name}}
		if t.kind == field.Texts {
			f.Split = ";"
		}
		fields = append(fields, f)
	}
	return fields
}

// delimiter returns the byte between cells.
func (f *File) delimiter() byte { return f.Delimiter[0] }

// columnsOf returns the columns that a "from" names.
func columnsOf(from any) ([]string, error) {
	bad := errors.New("from must be the name of a column, or a list of names")
	switch v := from.(type) {
	case string:
		return []string{v}, nil
	case []any:
		names := make([]string, len(v))
		for i, name := range v {
			text, ok := name.(string)
			if !ok {
				return nil, bad
			}
			names[i] = text
		}
		if len(names) > 0 {
			return names, nil
		}
	}
	return nil, bad
}

// form is a way in which a field is fed.
type form string

const (
	fixed   form = "value"
	pick    form = "columns"
	list    form = "list"
	text    form = "text"
	number  form = "number"
	age     form = "age"
	year    form = "year"
	instant form = "date"
)

// settings are the settings that each form has, beside "to".
var settings = map[form][]string{
	fixed:   {"value", "split"},
	pick:    {"columns", "at_least", "when", "most", "grouping", "decimal"},
	list:    {"from", "split", "codes", "synonyms", "case", "most", "default", "required"},
	text:    {"from", "codes", "synonyms", "case", "join", "format", "default", "required"},
	number:  {"from", "codes", "grouping", "decimal", "unit", "times", "default", "required"},
	age:     {"from", "convert", "at", "default", "required"},
	year:    {"from", "convert", "layout", "default", "required"},
	instant: {"from", "layout", "default", "required"},
}

// form returns the form of the field.
func (f *FieldMap) form() form {
	switch k := targets[f.To].kind; {
	case f.Text != nil:
		return fixed
	case f.Columns != nil:
		return pick
	case f.Convert != "":
		return form(f.Convert)
	default:
		return map[field.Kind]form{field.Text: text, field.Integer: number, field.Texts: list, field.Time: instant}[k]
	}
}

// set returns the settings that the field has, beside "to".
func (f *FieldMap) set() (names []string) {
	v := reflect.ValueOf(f).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("toml")
		if name != "" && name != "to" && !v.Field(i).IsZero() {
			names = append(names, name)
		}
	}
	return names
}

// check returns what is wrong with the field, for a person.
func (f *FieldMap) check() (err error) {
	t, known := targets[f.To]
	if !known {
		return fmt.Errorf("unknown field; use one of %s", strings.Join(targetNames(), ", "))
	}
	kindOf := f.form()
	allowed, known := settings[kindOf]
	switch {
	case !known || f.Convert != "" && kindOf != age && kindOf != year:
		return errors.New(`convert must be "age" or "year"`)
	case kindOf == pick && t.kind != field.Texts:
		return errors.New("columns can only feed a list")
	case (kindOf == age || kindOf == year) && t.kind != field.Integer:
		return errors.New("age and year can only feed a number")
	}
	for _, name := range f.set() {
		if !slices.Contains(allowed, name) {
			return fmt.Errorf("%s is not allowed here; use %s", name, strings.Join(allowed, ", "))
		}
	}
	if f.from, err = f.sources(kindOf); err != nil {
		return err
	}
	if len(f.from) > 1 && kindOf != text && kindOf != list && kindOf != pick {
		return errors.New("only one column can feed it")
	}
	return f.checkSettings(kindOf)
}

func (f *FieldMap) sources(kindOf form) ([]string, error) {
	switch kindOf {
	case fixed:
		return nil, nil
	case pick:
		names := make([]string, 0, len(f.Columns))
		for name, entry := range f.Columns {
			if strings.TrimSpace(entry) == "" {
				return nil, fmt.Errorf("the column %q needs the entry that it stands for", name)
			}
			names = append(names, name)
		}
		slices.Sort(names)
		if len(names) == 0 || (f.AtLeast == nil) == (f.When == nil) {
			return nil, errors.New("columns need either at_least or when")
		}
		return names, nil
	default:
		return columnsOf(f.From)
	}
}

func (f *FieldMap) checkSettings(kindOf form) error {
	switch {
	case !slices.Contains([]string{"", "lower", "upper", "capital"}, f.Case):
		return errors.New(`case must be "lower", "upper" or "capital"`)
	case f.Codes != nil && f.Synonyms != nil:
		return errors.New("give either codes or synonyms")
	case f.Most < 0:
		return errors.New("most must be at least 1")
	case f.Format != "" && !strings.Contains(f.Format, "{}"):
		return errors.New("format needs {} in the place of the text")
	case f.Grouping != "" && f.Grouping == f.decimal():
		return errors.New("grouping and decimal must differ")
	case len(f.Grouping) > 4 || len(f.decimal()) > 4 || strings.ContainsAny(f.Grouping+f.decimal(), "0123456789+-"):
		return errors.New("grouping and decimal must be one character each")
	}
	if kindOf == age && f.At == nil {
		return errors.New("an age needs its day, such as at = 2003-07-01")
	}
	if _, err := goLayout(f.Layout); err != nil {
		return err
	}
	for _, words := range []map[string]string{f.Codes, f.Synonyms} {
		if _, err := meanings(words); err != nil {
			return err
		}
	}
	return nil
}

func (f *FieldMap) decimal() string {
	if f.Decimal == "" {
		return "."
	}
	return f.Decimal
}
