// Package query turns questions to a database, and changes of it, into values.
//
// A [Query] of T is SQL text, arguments and the way its rows become a T. A
// [Change] is the same for a write. Making one does nothing: a session runs it
// (see package session). Both are immutable, may be kept, passed around, run
// twice and run at once from several goroutines.
//
// # SQL
//
// The text is written once for PostgreSQL and SQLite, with placeholders $1 to
// $n. [Render] spells it for each database. What the two spell differently is a
// fragment in braces:
//
//	{in $1}         is one of the texts or numbers of the list $1
//	{in_ids $1}     is one of the identifiers of the list $1
//	{texts $1}      the texts of the list $1 as rows, in a column named value
//	{columns $1}    the columns of all tables whose names are not like $1, as rows
//
// # Values
//
// Arguments are nil, bool, int, int64, float64, string, []byte, [time.Time],
// []string, []int, a [UUID] or a slice of one, or a pointer to any of these
// whose nil is NULL. A [Row] scans into pointers to the same, and into pointers
// to such pointers if a column may be NULL; a [time.Time] is UTC and whole
// microseconds both ways.
//
// The package does no I/O and imports the standard library only.
package query
