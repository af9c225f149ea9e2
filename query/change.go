package query

import "slices"

// Change is a statement that writes. It is immutable and safe for concurrent
// use. Only a write session takes one.
type Change struct {
	sql       string
	args      []any
	none      error
	conflicts []conflict
}

// conflict is the error for the refusal of a constraint.
type conflict struct {
	constraint string
	err        error
}

// Exec is a change made of SQL text and its arguments.
func Exec(sql string, args ...any) Change { return Change{sql: sql, args: args} }

// Else returns the change with an error for the case that it touches no row, such
// as a compare-and-set that does not find the old value.
func (c Change) Else(none error) Change {
	c.none = none
	return c
}

// OnConflict returns the change with an error for the case that the named
// constraint refuses it.
func (c Change) OnConflict(constraint string, err error) Change {
	c.conflicts = append(slices.Clip(c.conflicts), conflict{constraint, err})
	return c
}

// Violation is an engine's report that a constraint refused a change. It names
// the constraint as the schema does, and quotes no message.
type Violation struct {
	Constraint string
	Cause      error
}

// Error names the constraint. It does not contain the values that were refused.
func (v *Violation) Error() string { return "constraint " + v.Constraint + " refused the change" }

// Unwrap returns the driver's error.
func (v *Violation) Unwrap() error { return v.Cause }
