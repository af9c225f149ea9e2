// Package schema holds the tables of a store: embedded, numbered migrations for
// each engine, and the functions that apply them.
package schema
