// Package directory lists members: filtered, sorted, searched, a page at a time,
// with a total.
//
//   - options.go: the parameters of a list, and a page
//   - text.go, filter.go: filters as SQL
//   - match.go: what a free text matches
//   - plan.go: which indexes a page and a total are read from
//   - search.go: pages of a free text
//   - list.go: List
package directory
