// Package schema holds the tables of a store: a folder of numbered migrations
// for each engine, embedded, and what applies them.
package schema
