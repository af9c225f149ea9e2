package importer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"

	"github.com/musterhq/muster/internal/csvfile"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
)

// Map says which column of a file feeds which field of a member. It is read
// from TOML ([ParseMap]); docs/examples has some.
type Map struct {
	File    File              `toml:"file"`
	ID      Identity          `toml:"id"`
	Fields  []Field           `toml:"field"`
	Ignored map[string]string `toml:"ignored"` // columns that feed nothing, with the reason

	hash string
}

// File is how the file is written.
type File struct {
	Delimiter string   `toml:"delimiter"` // "," if absent; also ";", "|" and tab
	Encoding  string   `toml:"encoding"`  // "utf-8" if absent; a byte order mark wins
	Header    []string `toml:"header"`    // the columns, of a file that does not name them
	Blank     []string `toml:"blank"`     // cells that mean no more than an empty one: "NA"
}

// Identity is what makes a row the same when it is imported again: a namespace,
// and the columns that are unique in it.
type Identity struct {
	Namespace string `toml:"namespace"`
	From      any    `toml:"from"`
}

// Field feeds one field of a member. Which settings go together depends on the
// kind of field, and others are refused.
type Field struct {
	To   string  `toml:"to"`
	From any     `toml:"from"`  // a column, or several
	Text *string `toml:"value"` // the same for every row, in place of a column

	Columns map[string]string `toml:"columns"`  // list: the entry that each column stands for
	AtLeast *float64          `toml:"at_least"` // of columns: the number from which it counts
	When    []string          `toml:"when"`     // of columns: the words with which it counts
	Most    int               `toml:"most"`     // list: entries, the weightiest first

	Convert string          `toml:"convert"` // "age" or "year", to a birth year
	At      *toml.LocalDate `toml:"at"`      // age: the day on which it was true
	Layout  string          `toml:"layout"`  // date: "YYYY-MM-DD hh:mm:ss" in another order

	Codes    map[string]string `toml:"codes"`    // what the cells mean; others are refused
	Synonyms map[string]string `toml:"synonyms"` // what some cells mean; others are kept
	Case     string            `toml:"case"`     // "lower", "upper" or "capital"
	Split    string            `toml:"split"`    // list: what is between the entries of a cell
	Join     *string           `toml:"join"`     // text of several columns: what is put between
	Format   string            `toml:"format"`   // text: "Participant {}"

	Grouping string   `toml:"grouping"` // number: what groups thousands
	Decimal  string   `toml:"decimal"`  // number: "." if absent
	Unit     string   `toml:"unit"`     // number: what stands before or behind
	Times    *float64 `toml:"times"`    // number: what it is multiplied by

	Default  string `toml:"default"`  // taken for a blank cell
	Required bool   `toml:"required"` // a blank cell rejects the row

	from []string // of From and Columns, in the map's or the alphabet's order
}

// maxMap bounds a map, in bytes.
const maxMap = 1 << 20

// ParseMap reads a map. Faults: bad_map, which names the line or the field.
func ParseMap(text []byte) (*Map, error) {
	if len(text) > maxMap {
		return nil, badMap("it has more than %d bytes", maxMap)
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

// explain names the lines of what TOML or its strictness refuses.
func explain(err error) error {
	if strict := (*toml.StrictMissingError)(nil); errors.As(err, &strict) {
		unknown := make([]string, len(strict.Errors))
		for i := range strict.Errors {
			line, _ := strict.Errors[i].Position()
			unknown[i] = fmt.Sprintf("line %d: there is no setting %q", line, strings.Join(strict.Errors[i].Key(), "."))
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
		return badMap(`[id] has a namespace and the columns that tell rows apart, such as namespace = "club-2019", from = "number"`)
	}
	seen := map[string]bool{}
	for i := range m.Fields {
		f := &m.Fields[i]
		if err := f.check(); err != nil {
			return badMap("field %d (%s): %s", i+1, f.To, err)
		}
		if seen[f.To] {
			return badMap("field %d (%s): another field feeds it already", i+1, f.To)
		}
		seen[f.To] = true
	}
	for column, why := range m.Ignored {
		if strings.TrimSpace(why) == "" {
			return badMap("the column %q is ignored without a reason", column)
		}
	}
	return nil
}

func (f *File) check() error {
	if f.Delimiter == "" {
		f.Delimiter = ","
	}
	if !slices.Contains([]string{",", ";", "\t", "|"}, f.Delimiter) {
		return badMap(`a delimiter is ",", ";", "|" or a tab`)
	}
	if f.Encoding != "" && !csvfile.KnowsEncoding(f.Encoding) {
		return badMap("there is no encoding %q here; there are %s", f.Encoding, strings.Join(csvfile.Encodings(), ", "))
	}
	return nil
}

// delimiter is the byte between cells.
func (f *File) delimiter() byte { return f.Delimiter[0] }

// columnsOf reads the name of a column, or a list of names.
func columnsOf(from any) ([]string, error) {
	bad := errors.New("from is the name of a column, or a list of names")
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

// settings are those that a form understands, beside "to".
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

// form says which one the field has.
func (f *Field) form() form {
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

// set are the settings that the field has.
func (f *Field) set() []string {
	has := []struct {
		name string
		set  bool
	}{
		{"from", f.From != nil}, {"value", f.Text != nil}, {"columns", f.Columns != nil},
		{"at_least", f.AtLeast != nil}, {"when", f.When != nil}, {"most", f.Most != 0},
		{"convert", f.Convert != ""}, {"at", f.At != nil}, {"layout", f.Layout != ""},
		{"codes", f.Codes != nil}, {"synonyms", f.Synonyms != nil}, {"case", f.Case != ""},
		{"split", f.Split != ""}, {"join", f.Join != nil}, {"format", f.Format != ""},
		{"grouping", f.Grouping != ""}, {"decimal", f.Decimal != ""}, {"unit", f.Unit != ""},
		{"times", f.Times != nil}, {"default", f.Default != ""}, {"required", f.Required},
	}
	var names []string
	for _, s := range has {
		if s.set {
			names = append(names, s.name)
		}
	}
	return names
}

// check says what is wrong with a field, for a person.
func (f *Field) check() (err error) {
	t, known := targets[f.To]
	if !known {
		return fmt.Errorf("there is no such field; there are %s", strings.Join(targetNames(), ", "))
	}
	kindOf := f.form()
	allowed, known := settings[kindOf]
	switch {
	case !known || f.Convert != "" && kindOf != age && kindOf != year:
		return errors.New(`convert is "age" or "year"`)
	case kindOf == pick && t.kind != field.Texts:
		return errors.New("columns feed a list")
	case (kindOf == age || kindOf == year) && t.kind != field.Integer:
		return errors.New("an age or year is a number")
	}
	for _, name := range f.set() {
		if !slices.Contains(allowed, name) {
			return fmt.Errorf("%s has no meaning here; with it go %s", name, strings.Join(allowed, ", "))
		}
	}
	if f.from, err = f.sources(kindOf); err != nil {
		return err
	}
	if len(f.from) > 1 && kindOf != text && kindOf != list && kindOf != pick {
		return errors.New("it is fed by one column")
	}
	return f.checkSettings(kindOf)
}

func (f *Field) sources(kindOf form) ([]string, error) {
	switch kindOf {
	case fixed:
		return nil, nil
	case pick:
		names := make([]string, 0, len(f.Columns))
		for name, entry := range f.Columns {
			if strings.TrimSpace(entry) == "" {
				return nil, fmt.Errorf("the column %q stands for nothing", name)
			}
			names = append(names, name)
		}
		slices.Sort(names)
		if len(names) == 0 || (f.AtLeast == nil) == (f.When == nil) {
			return nil, errors.New("columns have either at_least or when")
		}
		return names, nil
	default:
		return columnsOf(f.From)
	}
}

func (f *Field) checkSettings(kindOf form) error {
	switch {
	case !slices.Contains([]string{"", "lower", "upper", "capital"}, f.Case):
		return errors.New(`case is "lower", "upper" or "capital"`)
	case f.Codes != nil && f.Synonyms != nil:
		return errors.New("it has either codes or synonyms")
	case f.Most < 0:
		return errors.New("most is a number of entries")
	case f.Format != "" && !strings.Contains(f.Format, "{}"):
		return errors.New("format has {} where the text goes")
	case f.Grouping != "" && f.Grouping == f.decimal():
		return errors.New("grouping and decimal are not the same")
	case len(f.Grouping) > 4 || len(f.decimal()) > 4 || strings.ContainsAny(f.Grouping+f.decimal(), "0123456789+-"):
		return errors.New("grouping and decimal are a character each")
	}
	if kindOf == age && f.At == nil {
		return errors.New("an age needs the day on which it was true, such as at = 2003-07-01")
	}
	if _, err := goLayout(f.Layout); err != nil {
		return err
	}
	for _, words := range []map[string]string{f.Codes, f.Synonyms} {
		if _, err := folded(words); err != nil {
			return err
		}
	}
	return nil
}

func (f *Field) decimal() string {
	if f.Decimal == "" {
		return "."
	}
	return f.Decimal
}
