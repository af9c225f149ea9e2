package importer

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/musterhq/muster/internal/csvfile"
	"github.com/musterhq/muster/internal/field"
)

// Problem is what is wrong with a row: where, of which class, and what to do.
// It never holds a value of the row.
type Problem struct {
	Line    int      `json:"line"`
	Field   string   `json:"field"`
	Columns []string `json:"columns,omitempty"`
	Class   string   `json:"class"` // stable: "not_a_number"
	Remedy  string   `json:"remedy"`
}

// misfit is why a cell has no value.
type misfit struct{ class, remedy string }

// Classes of cells that have no value.
var (
	blankCell     = &misfit{"blank", "Give a value: it is required."}
	notNumber     = &misfit{"not_a_number", "Write a number in digits."}
	farNumber     = &misfit{"out_of_range", "Write a number that is not so far from zero."}
	farAge        = &misfit{"out_of_range", "Write an age between 0 and 130 years."}
	unknownCode   = &misfit{"unknown_code", "Write one of the codes of the map, or add this one to it."}
	malformedDate = &misfit{"malformed_date", "Write a day that exists, in the layout of the map."}
)

// converter makes a value of the cells that feed a field. It is immutable and
// safe for concurrent use.
type converter struct {
	field    *Field
	form     form
	kind     field.Kind
	codes    map[string]string // by folded word
	synonyms map[string]string
	when     map[string]string
	at       time.Time
	layouts  []string
	zone     *time.Location
}

func newConverter(f *Field, zone *time.Location) (*converter, error) {
	c := &converter{field: f, form: f.form(), kind: targets[f.To].kind, zone: zone, layouts: plainLayouts}
	var err error
	if c.codes, err = folded(f.Codes); err != nil {
		return nil, err
	}
	if c.synonyms, err = folded(f.Synonyms); err != nil {
		return nil, err
	}
	c.when = make(map[string]string, len(f.When))
	for _, word := range f.When {
		c.when[fold(word)] = word
	}
	if f.At != nil {
		c.at = f.At.AsTime(time.UTC)
	}
	if layout, _ := goLayout(f.Layout); layout != "" {
		c.layouts = []string{layout}
	}
	return c, nil
}

// convert gives the value of one text that is not blank.
func (c *converter) convert(cell string) (v value, bad *misfit) {
	switch c.form {
	case age:
		v.number, bad = c.age(cell)
		return v, bad
	case year:
		v.time, bad = c.date(cell)
		v.number = int64(v.time.Year())
		return v, bad
	}
	switch c.kind {
	case field.Integer:
		if cell, bad = c.meaning(cell); bad == nil {
			v.number, bad = c.wholeNumber(cell)
		}
	case field.Time:
		v.time, bad = c.date(cell)
	case field.Texts:
		v.list, bad = c.entries(cell)
	default:
		if v.text, bad = c.meaning(cell); bad == nil {
			v.text = recase(v.text, c.field.Case)
			if c.field.Format != "" {
				v.text = strings.ReplaceAll(c.field.Format, "{}", v.text)
			}
		}
	}
	return v, bad
}

// meaning is what a word stands for.
func (c *converter) meaning(word string) (string, *misfit) {
	if len(c.codes) > 0 {
		meant, known := lookUp(c.codes, word)
		if !known {
			return "", unknownCode
		}
		return meant, nil
	}
	if meant, known := lookUp(c.synonyms, word); known {
		return meant, nil
	}
	return word, nil
}

// entries are those of a cell: what is between the separators, or all of it.
func (c *converter) entries(cell string) ([]string, *misfit) {
	parts := []string{cell}
	if c.field.Split != "" {
		parts = csvfile.Split(cell, c.field.Split)
	}
	for i, part := range parts {
		meant, bad := c.meaning(part)
		if bad != nil {
			return nil, bad
		}
		parts[i] = recase(meant, c.field.Case)
	}
	return parts, nil
}

// weighed is an entry of a list and how much it counts.
type weighed struct {
	entry  string
	weight float64
}

// counts reports whether the cell of a column makes its entry one of the list.
func (c *converter) counts(cell string) (weight float64, yes bool, bad *misfit) {
	if c.field.AtLeast == nil {
		_, yes = lookUp(c.when, cell)
		return 0, yes, nil
	}
	weight, bad = parseNumber(cell, c.field.Grouping, c.field.decimal())
	return weight, bad == nil && weight >= *c.field.AtLeast, bad
}

// ranked gives the entries, the weightiest first and else in the file's order.
func (c *converter) ranked(found []weighed) []string {
	slices.SortStableFunc(found, func(a, b weighed) int { return cmp.Compare(b.weight, a.weight) })
	entries := make([]string, 0, len(found))
	for _, w := range found {
		entries = append(entries, w.entry)
	}
	return c.capped(entries)
}

// capped leaves out repeated entries, and what is too much.
func (c *converter) capped(entries []string) []string {
	unique := entries[:0]
	for _, e := range entries {
		if !slices.Contains(unique, e) {
			unique = append(unique, e)
		}
	}
	if c.field.Most > 0 && len(unique) > c.field.Most {
		unique = unique[:c.field.Most]
	}
	return unique
}

// maxExact is the greatest number up to which a float64 holds each one.
const maxExact = 1 << 53

// wholeNumber reads a number, takes it times the factor and rounds it, halves
// away from zero.
func (c *converter) wholeNumber(cell string) (int64, *misfit) {
	if unit := c.field.Unit; unit != "" {
		cell = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(cell, unit), unit))
	}
	n, bad := parseNumber(cell, c.field.Grouping, c.field.decimal())
	if bad != nil {
		return 0, bad
	}
	if c.field.Times != nil {
		n *= *c.field.Times
	}
	if n = math.Round(n); math.Abs(n) > maxExact || math.IsNaN(n) {
		return 0, farNumber
	}
	return int64(n), nil
}

// age gives the likelier of the two years in which someone of that age was
// born: up to the end of June more birthdays lie ahead than behind.
func (c *converter) age(cell string) (int64, *misfit) {
	n, bad := parseNumber(cell, "", ".")
	if bad != nil {
		return 0, bad
	}
	if n < 0 || n > 130 || n != math.Trunc(n) {
		return 0, farAge
	}
	born := c.at.Year() - int(n)
	if c.at.Month() < time.July {
		born--
	}
	return int64(born), nil
}

func (c *converter) date(cell string) (time.Time, *misfit) {
	for _, layout := range c.layouts {
		if t, err := time.ParseInLocation(layout, cell, c.zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, malformedDate
}

// parseNumber reads digits with a sign, a decimal mark and, between digits, a
// mark that groups them. No other spelling of a number is taken.
func parseNumber(text, grouping, decimal string) (float64, *misfit) {
	var plain [40]byte
	out := plain[:0]
	point, digit := false, false
	for i := 0; i < len(text); {
		switch rest := text[i:]; {
		case len(out) == len(plain):
			return 0, notNumber
		case rest[0] >= '0' && rest[0] <= '9':
			out, digit = append(out, rest[0]), true
			i++
		case i == 0 && (rest[0] == '-' || rest[0] == '+'):
			out = append(out, rest[0])
			i++
		case !point && strings.HasPrefix(rest, decimal):
			out, point = append(out, '.'), true
			i += len(decimal)
		case !point && digit && grouping != "" && strings.HasPrefix(rest, grouping) && startsDigit(rest[len(grouping):]):
			i += len(grouping)
		default:
			return 0, notNumber
		}
	}
	if !digit {
		return 0, notNumber
	}
	n, err := strconv.ParseFloat(string(out), 64)
	if err != nil {
		return 0, notNumber
	}
	return n, nil
}

func startsDigit(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

// recase changes the case of a text; "capital" that of its first letter.
func recase(s, to string) string {
	switch to {
	case "lower":
		return strings.ToLower(s)
	case "upper":
		return strings.ToUpper(s)
	case "capital":
		first, size := utf8.DecodeRuneInString(s)
		if first == utf8.RuneError {
			return s
		}
		return string(unicode.ToUpper(first)) + s[size:]
	default:
		return s
	}
}

// fold is the form in which words are compared: without case, apart by one
// space.
func fold(word string) string { return strings.ToLower(strings.Join(strings.Fields(word), " ")) }

// folded gives the meanings by folded word.
func folded(meanings map[string]string) (map[string]string, error) {
	byWord := make(map[string]string, len(meanings))
	for word, meant := range meanings {
		if strings.TrimSpace(meant) == "" {
			return nil, fmt.Errorf("the word %q means nothing", word)
		}
		if other, twice := byWord[fold(word)]; twice && other != meant {
			return nil, fmt.Errorf("the word %q has two meanings", word)
		}
		byWord[fold(word)] = meant
	}
	return byWord, nil
}

// lookUp finds a word as it is, which most are, or folded.
func lookUp(byWord map[string]string, word string) (string, bool) {
	if len(byWord) == 0 {
		return "", false
	}
	if meant, known := byWord[word]; known {
		return meant, true
	}
	meant, known := byWord[fold(word)]
	return meant, known
}

// plainLayouts are how a date is read if the map names no layout.
var plainLayouts = []string{time.DateOnly, time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04"}

// goLayout spells a layout such as "DD.MM.YYYY hh:mm" as Go does.
func goLayout(layout string) (string, error) {
	if layout == "" {
		return "", nil
	}
	if !strings.Contains(layout, "YYYY") || strings.ContainsAny(layout, "0123456789") {
		return "", fmt.Errorf(`a layout is made of YYYY, MM, DD, hh, mm, ss and what is between, such as "DD.MM.YYYY hh:mm"`)
	}
	spelled := strings.NewReplacer("YYYY", "2006", "MM", "01", "DD", "02", "hh", "15", "mm", "04", "ss", "05").Replace(layout)
	if _, err := time.Parse(spelled, time.Date(2026, 11, 30, 23, 59, 58, 0, time.UTC).Format(spelled)); err != nil {
		return "", fmt.Errorf("the layout %q contradicts itself", layout)
	}
	return spelled, nil
}
