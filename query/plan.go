package query

import (
	"errors"
	"fmt"
	"slices"
)

// Plan is one run of some changes and queries, laid out for an engine: the
// engine runs Steps in order and feeds each step its rows or the number of rows
// it touched; when all have succeeded, [Plan.Finish] assigns the answers. A plan
// is for one run, by one goroutine at a time.
type Plan struct {
	Steps    []Step
	parts    []Part
	streamed bool
}

// Row is an engine's current row. It is valid only inside the function that
// receives it, and so is a []byte scanned from it.
type Row interface {
	// Scan copies the columns, in order, to the destinations.
	Scan(dest ...any) error
}

// Part is a query with the place for its answer: what a session gathers. Like
// the place, it serves one run at a time.
type Part interface {
	lay(p *Plan)
	take() error // once all rows have been seen
	assign()     // once all answers have been taken
	clear()      // before a run
}

// Step is one statement of a plan.
type Step struct {
	SQL  string
	Args []any

	rows      rows       // of a query
	touched   *int64     // of a change, if the caller wants it
	none      error      // declared: no row was touched
	conflicts []conflict // declared, by constraint
}

// rows takes the rows of one statement.
type rows interface{ row(Row) error }

// Reads reports whether the step is a query, whose rows are wanted. Others are
// changes.
func (s *Step) Reads() bool { return s.rows != nil }

// Row takes one row of a query. An error ends the run.
func (s *Step) Row(r Row) error { return s.rows.row(r) }

// Touched takes the number of rows that a change wrote. An error ends the run.
func (s *Step) Touched(n int64) error {
	if s.touched != nil {
		*s.touched = n
	}
	if n == 0 {
		return s.none
	}
	return nil
}

// Checked reports whether the outcome of the step can refuse the commit after
// the database has done its part: then the two cannot travel together.
func (s *Step) Checked() bool { return s.none != nil || s.Reads() }

// Refusable reports whether the step may be refused as declared, or by its rows.
func (s *Step) Refusable() bool { return s.Checked() || len(s.conflicts) > 0 }

// usualSteps is how many steps most plans have: a member and its six relations.
const usualSteps = 8

// NewPlan lays out a new run of the parts.
func NewPlan(parts ...Part) *Plan {
	p := &Plan{Steps: make([]Step, 0, max(len(parts), usualSteps)), parts: make([]Part, 0, max(len(parts), 2))}
	p.Ask(parts...)
	return p
}

// Ask appends the parts.
func (p *Plan) Ask(parts ...Part) {
	for _, part := range parts {
		part.lay(p)
	}
	p.parts = append(p.parts, parts...)
}

// Change appends a change; touched, if it is not nil, receives the number of
// rows that it wrote.
func (p *Plan) Change(c Change, touched *int64) {
	p.Steps = append(p.Steps, Step{SQL: c.sql, Args: c.args, touched: touched, none: c.none, conflicts: c.conflicts})
}

func (p *Plan) ask(sql string, args []any, to rows) {
	p.Steps = append(p.Steps, Step{SQL: sql, Args: args, rows: to})
}

// Streamed reports whether an [Each] has received rows already: then the run
// cannot be repeated unnoticed.
func (p *Plan) Streamed() bool { return p.streamed }

// Finish takes all answers and, if none fails, assigns them. On an error, no
// destination is set.
func (p *Plan) Finish() error { return finish(p.parts) }

func finish(parts []Part) error {
	for _, part := range parts {
		if err := part.take(); err != nil {
			return err
		}
	}
	for _, part := range parts {
		part.assign()
	}
	return nil
}

// Clear sets the destinations of the parts to their zero values, before a run.
func Clear(parts ...Part) {
	for _, part := range parts {
		part.clear()
	}
}

// Settle assigns the answers of those parts whose rows came in a run that failed.
func Settle(parts ...Part) {
	for _, part := range parts {
		if part.take() == nil {
			part.assign()
		}
	}
}

// Fail returns the error of a session whose step failed with err: the one that
// the step declared for it, or err with the step's number.
func (p *Plan) Fail(step int, err error) error {
	if none := p.Steps[step].none; none != nil && errors.Is(err, none) {
		return none
	}
	if v, ok := errors.AsType[*Violation](err); ok {
		for _, c := range slices.Backward(p.Steps[step].conflicts) { // the last declaration counts
			if c.constraint == v.Constraint {
				return c.err
			}
		}
	}
	return fmt.Errorf("statement %d of %d: %w", step+1, len(p.Steps), err)
}

// Statements returns the SQL texts of the parts, for tests that prepare each on
// every engine.
func Statements(parts ...Part) []string {
	p := NewPlan(parts...)
	list := make([]string, len(p.Steps))
	for i, s := range p.Steps {
		list[i] = s.SQL
	}
	return list
}
