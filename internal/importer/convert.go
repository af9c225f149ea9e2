package importer

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/csvfile"
	"github.com/musterhq/muster/internal/field"
)

// converter converts the cells that feed a field to its value. It is immutable.
type converter struct {
	field    *FieldMap
	form     form
	kind     field.Kind
	codes    map[string]string // by normalized word
	synonyms map[string]string
	when     map[string]string
	at       time.Time
	layouts  []string
	zone     *time.Location
}

// newConverter returns the converter of a field that was checked.
func newConverter(f *FieldMap, zone *time.Location) *converter {
	c := &converter{field: f, form: f.form(), kind: targets[f.To].kind, zone: zone, layouts: plainLayouts}
	c.codes, _ = meanings(f.Codes)
	c.synonyms, _ = meanings(f.Synonyms)
	c.when = make(map[string]string, len(f.When))
	for _, word := range f.When {
		c.when[normalize(word)] = word
	}
	if f.At != nil {
		c.at = f.At.AsTime(time.UTC)
	}
	if layout, _ := goLayout(f.Layout); layout != "" {
		c.layouts = []string{layout}
	}
	return c
}

// convert returns the value of one text that is not blank.
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

// meaning returns what a word stands for.
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

// entries returns the entries of a list in a cell.
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

// weighed is an entry of a list with its weight.
type weighed struct {
	entry  string
	weight float64
}

// counts reports whether the cell of a column puts its entry on the list.
func (c *converter) counts(cell string) (weight float64, yes bool, bad *misfit) {
	if c.field.AtLeast == nil {
		_, yes = lookUp(c.when, cell)
		return 0, yes, nil
	}
	weight, bad = parseNumber(cell, c.field.Grouping, c.field.decimal())
	return weight, bad == nil && weight >= *c.field.AtLeast, bad
}

// ranked returns the entries by descending weight, and else in the file's order.
func (c *converter) ranked(found []weighed) []string {
	slices.SortStableFunc(found, func(a, b weighed) int { return cmp.Compare(b.weight, a.weight) })
	entries := make([]string, 0, len(found))
	for _, w := range found {
		entries = append(entries, w.entry)
	}
	return c.capped(entries)
}

// capped removes repeated entries, and those beyond the most.
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

// maxExact is the number up to which a float64 holds every whole number.
const maxExact = 1 << 53

// wholeNumber reads a number, multiplies it by the factor and rounds it, halves
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

// age returns the likelier of the two years in which someone of that age was born:
// until the end of June, more birthdays lie ahead than behind.
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
