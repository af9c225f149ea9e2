package query

import (
	"errors"
	"fmt"
)

// Plan is one run of some changes and queries, laid out for an engine: the
// engine runs Steps in order, feeds each step its rows or the number of rows
// it touched, and the session calls [Plan.Finish] when all have succeeded. A
// plan is used once and by one goroutine at a time.
type Plan struct {
	Steps []Step
	ends  []end
}

// Step is one statement of a plan.
type Step struct {
	SQL  string
	Args []any
	// Row is called for each row of a query; it is nil for a change.
	Row func(Row) error
	// Touched is called with the number of rows that a change wrote.
	Touched func(n int64) error

	none      error            // declared: no row was touched
	conflicts map[string]error // declared, by constraint
}

// Checked reports whether the outcome of a change can refuse the commit: then
// the two cannot travel together.
func (s *Step) Checked() bool { return s.none != nil }

// end takes an answer once all rows are seen, and then assigns it.
type end struct {
	take   func() error
	assign func()
}

// usualSteps is how many steps most plans have: a member and its six relations.
const usualSteps = 8

// NewPlan lays out a new run of the parts.
func NewPlan(parts ...Part) *Plan {
	p := &Plan{Steps: make([]Step, 0, max(len(parts), usualSteps)), ends: make([]end, 0, len(parts))}
	p.Ask(parts...)
	return p
}

// Ask appends the parts.
func (p *Plan) Ask(parts ...Part) {
	for _, part := range parts {
		part.lay(p, &p.ends)
	}
}

// Change appends a change; touched, if it is not nil, receives the number of
// rows that it wrote.
func (p *Plan) Change(c Change, touched *int64) {
	p.Steps = append(p.Steps, Step{
		SQL: c.sql, Args: c.args, none: c.none, conflicts: c.conflicts,
		Touched: func(n int64) error {
			if touched != nil {
				*touched = n
			}
			if n == 0 {
				return c.none
			}
			return nil
		},
	})
}

func (p *Plan) ask(sql string, args []any, row func(Row) error) {
	p.Steps = append(p.Steps, Step{SQL: sql, Args: args, Row: row})
}

// Finish takes all the answers and, if every one is there, assigns them. On an
// error no destination is touched.
func (p *Plan) Finish() error {
	for _, e := range p.ends {
		if err := e.take(); err != nil {
			return err
		}
	}
	for _, e := range p.ends {
		e.assign()
	}
	return nil
}

// Finish finishes plans that ran apart as if they were one: all or nothing.
func Finish(plans ...*Plan) error {
	var all Plan
	for _, p := range plans {
		all.ends = append(all.ends, p.ends...)
	}
	return all.Finish()
}

// Fail is the error of a session whose step failed with err: the one that the
// step declared for it, or err with the step's number.
func (p *Plan) Fail(step int, err error) error {
	if none := p.Steps[step].none; none != nil && errors.Is(err, none) {
		return none
	}
	if v, ok := errors.AsType[*Violation](err); ok {
		if declared := p.Steps[step].conflicts[v.Constraint]; declared != nil {
			return declared
		}
	}
	return fmt.Errorf("statement %d of %d: %w", step+1, len(p.Steps), err)
}

// Statements lists the SQL texts of the parts, for tests that prepare each on
// every engine.
func Statements(parts ...Part) []string {
	p := NewPlan(parts...)
	list := make([]string, len(p.Steps))
	for i, s := range p.Steps {
		list[i] = s.SQL
	}
	return list
}
