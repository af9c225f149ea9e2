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

// Else gives the error for a change that touched no row: a compare-and-set
// that did not find what it compared with.
func (c Change) Else(none error) Change {
	c.none = none
	return c
}

// OnConflict gives the error for a change that the named constraint refuses.
func (c Change) OnConflict(constraint string, err error) Change {
	c.conflicts = append(slices.Clip(c.conflicts), conflict{constraint, err})
	return c
}

// Violation is how an engine reports that a constraint refused a change: by
// the constraint's name in the schema, never by a message.
type Violation struct {
	Constraint string
	Cause      error
}

// Error names the constraint. The values that it refused are not in it.
func (v *Violation) Error() string { return "constraint " + v.Constraint + " refused the change" }

// Unwrap gives the driver's error.
func (v *Violation) Unwrap() error { return v.Cause }
