package field

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/musterhq/muster/internal/fault"
)

// Times lie between these years, which both databases can store.
const (
	minYear = 1970
	maxYear = 9998
)

// Check brings each field of v, a pointer to the struct, into the form that is
// stored, and adds to wrong what is wrong with it, under prefix and the field's
// name. It normalizes texts; sets an empty text that may be absent, and an empty
// list, to absent; and converts times to UTC, in whole microseconds. It skips
// read-only fields and objects, and lets absent fields be. What fields point to
// is replaced, never changed.
func (s *Struct) Check(v any, prefix string, wrong *fault.Fields) {
	value := reflect.ValueOf(v).Elem()
	right := true
	for _, f := range s.Fields {
		if !f.ReadOnly && f.Name != "" {
			right = f.Check(f.In(value), prefix+f.Name, wrong) && right
		}
	}
	if c, ok := v.(Checker); ok && right {
		c.Check(wrong, prefix)
	}
}

// Check checks one field, v being its place in a struct, as [Struct.Check] does,
// and reports whether the value is right.
func (d *Field) Check(v reflect.Value, name string, wrong *fault.Fields) bool {
	var code, message string
	switch d.Kind {
	case Text:
		code, message = d.checkText(v)
	case Texts:
		return d.checkTexts(v, name, wrong)
	case Integer:
		code, message = d.checkInteger(v)
	case Time:
		code, message = d.checkTime(v)
	default:
		return true
	}
	if code == "" {
		return true
	}
	wrong.Add(name, code, "%s", message)
	return false
}

// CheckIn is Check for the field in v, a pointer to the struct.
func (d *Field) CheckIn(v any, prefix string, wrong *fault.Fields) bool {
	return d.Check(d.In(reflect.ValueOf(v).Elem()), prefix+d.Name, wrong)
}

func (d *Field) checkText(v reflect.Value) (code, message string) {
	if v.Kind() != reflect.Pointer {
		text := Normalize(v.String())
		v.SetString(text)
		if text == "" && !d.Optional {
			return CodeRequired, "Required."
		}
		return d.textFault(text)
	}
	if v.IsNil() {
		return "", ""
	}
	text := Normalize(v.Elem().String())
	if text == "" {
		v.SetZero()
		return "", ""
	}
	copied := reflect.New(d.Type)
	copied.Elem().SetString(text)
	v.Set(copied)
	return d.textFault(text)
}

// textFault returns what is wrong with a normalized text.
func (d *Field) textFault(text string) (code, message string) {
	if text == "" {
		return "", ""
	}
	if len(d.Choices) > 0 {
		if !slices.Contains(d.Choices, text) {
			return CodeNotAChoice, "Must be one of: " + strings.Join(d.Choices, ", ") + "."
		}
		return "", ""
	}
	if code, message = CheckText(text, d.Lines); code != "" {
		return code, message
	}
	switch n := utf8.RuneCountInString(text); {
	case n > d.MaxLength:
		return CodeTooLong, fmt.Sprintf("Must be at most %d characters long.", d.MaxLength)
	case n < d.MinLength:
		return CodeTooShort, fmt.Sprintf("Must be at least %d characters long.", d.MinLength)
	}
	return "", ""
}

// checkTexts checks a list. An entry is reported under its index.
func (d *Field) checkTexts(v reflect.Value, name string, wrong *fault.Fields) bool {
	if v.Len() > d.MaxItems {
		wrong.Add(name, CodeTooMany, "Must have at most %d entries.", d.MaxItems)
		return false
	}
	if !v.IsNil() && v.Len() < d.MinItems {
		wrong.Add(name, CodeEmpty, "Must have at least %d entry; leave it out if it is not needed.", d.MinItems)
		return false
	}
	list := make([]string, v.Len())
	right := true
	for i := range v.Len() {
		text := Normalize(v.Index(i).String())
		code, message := CodeEmpty, "Must not be empty."
		if text != "" {
			code, message = d.textFault(text)
		}
		if code != "" {
			wrong.Add(name+"."+strconv.Itoa(i), code, "%s", message)
			right = false
		}
		list[i] = text
	}
	setTexts(v, list)
	return right
}

// setTexts sets v, a list of any string type. An empty list becomes absent.
func setTexts(v reflect.Value, list []string) {
	if len(list) == 0 {
		v.SetZero()
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
	for i, text := range list {
		v.Index(i).SetString(text)
	}
}

func (d *Field) checkInteger(v reflect.Value) (code, message string) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "", ""
		}
		v = v.Elem()
	}
	if n := v.Int(); d.Min != nil && n < *d.Min || d.Max != nil && n > *d.Max {
		return CodeOutOfRange, d.rangeMessage()
	}
	return "", ""
}

func (d *Field) rangeMessage() string {
	switch {
	case d.Min == nil:
		return fmt.Sprintf("Must be at most %d.", *d.Max)
	case d.Max == nil:
		return fmt.Sprintf("Must be at least %d.", *d.Min)
	default:
		return fmt.Sprintf("Must be from %d to %d.", *d.Min, *d.Max)
	}
}

func (d *Field) checkTime(v reflect.Value) (code, message string) {
	at, ok := d.Value(v).(time.Time)
	if !ok || !d.Nullable && at.IsZero() { // absent
		return "", ""
	}
	at = at.UTC().Truncate(time.Microsecond)
	if year := at.Year(); year < minYear || year > maxYear {
		return CodeOutOfRange, fmt.Sprintf("Must be from %d to %d.", minYear, maxYear)
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.ValueOf(&at))
	} else {
		v.Set(reflect.ValueOf(at))
	}
	return "", ""
}

// Ordered adds to wrong a range whose end comes before its start. A range
// without a start or an end is in order.
func Ordered[T any](wrong *fault.Fields, fromName string, from *T, toName string, to *T, after func(from, to T) bool) {
	if from != nil && to != nil && after(*from, *to) {
		wrong.Add(toName, CodeRangeInverted, "Must not come before %s.", fromName)
	}
}

// wanted returns what a value of the field must be, in words.
func (d *Field) wanted() string {
	switch d.Kind {
	case Text:
		return "a string"
	case Integer:
		if d.Min != nil && d.Max != nil {
			return fmt.Sprintf("a whole number from %d to %d", *d.Min, *d.Max)
		}
		return "a whole number"
	case Number:
		return "a number"
	case Boolean:
		return "true or false"
	case Time:
		if d.Format == formatDate {
			return "a day, such as 2026-01-31"
		}
		return "a time, such as 2026-01-31T09:00:00Z"
	case ID:
		return "a UUID, such as " + ExampleID
	case Texts:
		return "a list of strings"
	case Object:
		if d.Nullable {
			return "an object or null"
		}
		return "an object"
	case Objects:
		return "a list of objects"
	default:
		return "of the type that the documentation names"
	}
}
