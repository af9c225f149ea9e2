// Package directory lists members: filtered, sorted, searched, a page at a time,
// with a total.
//
//   - options.go: what a list is asked for, and what it returns
//   - text.go, filter.go: filters as SQL
//   - match.go: what a free text asks for
//   - plan.go: the way to a page and a total
//   - search.go: pages of a free text
//   - list.go: List
package directory
