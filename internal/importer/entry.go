package importer

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/query"
)

// Problem says what is wrong with a row: where, of which class, and what to do. It
// never holds a value of the row.
type Problem struct {
	Line    int      `json:"line"`
	Field   string   `json:"field"`
	Columns []string `json:"columns,omitempty"`
	Class   string   `json:"class"` // stable: a code of package field, or of the importer
	Remedy  string   `json:"remedy"`
}

// misfit says why a cell has no value.
type misfit struct{ class, remedy string }

// Reasons for which a cell has no value.
var (
	blankCell     = &misfit{field.CodeRequired, "Required."}
	notNumber     = &misfit{field.CodeWrongType, "Must be a number in digits."}
	farNumber     = &misfit{field.CodeOutOfRange, "Must be closer to zero."}
	farAge        = &misfit{field.CodeOutOfRange, "Must be an age from 0 to 130 years."}
	unknownCode   = &misfit{field.CodeNotAChoice, "Must be one of the codes of the map; or add this one to the map."}
	malformedDate = &misfit{field.CodeWrongType, "Must be a day that exists, in the layout of the map."}
)

// use says how the value of a column fared in one row.
type use uint8

const (
	wasBlank use = iota
	wasUsed
	wasBad
)

// entry is a row between the file and the store.
type entry struct {
	line     int
	cells    []string // one for each column of the header
	new      member.Detail
	problems []Problem
}

func (e *entry) add(field string, columns []string, class, remedy string) {
	e.problems = append(e.problems, Problem{Line: e.line, Field: field, Columns: columns, Class: class, Remedy: remedy})
}

// refuse notes why the store refused the row.
func (e *entry) refuse(err error) {
	if f := fault.As(err); f != nil {
		e.add("", nil, f.Code, f.Message)
		return
	}
	if v := (*query.Violation)(nil); errors.As(err, &v) {
		e.add("", nil, "refused", fmt.Sprintf("Correct what the constraint %s of the store refuses.", v.Constraint))
		return
	}
	e.add("", nil, "too_slow", "Import the row alone.")
}

// reject returns the row with its problems, for the file of rejects.
func (e *entry) reject() []string {
	var fields, classes, remedies []string
	for _, p := range e.problems {
		fields, classes, remedies = append(fields, p.Field), append(classes, p.Class), append(remedies, p.describe())
	}
	return append(slices.Clone(e.cells), strconv.Itoa(e.line),
		strings.Join(fields, "; "), strings.Join(classes, "; "), strings.Join(remedies, " "))
}

// describe returns the remedy, behind the columns that need it.
func (p *Problem) describe() string {
	if len(p.Columns) == 0 {
		return p.Remedy
	}
	return strings.Join(p.Columns, ", ") + ": " + p.Remedy
}
