// Package sqlite is the embedded engine: one file, many readers, one writer.
//
// Reading: each session takes a connection that cannot write and holds one WAL
// snapshot on it. Writing: one goroutine owns the one connection that writes
// and serves the sessions one after the other. Sessions that wait while a
// commit reaches the disk share the next one (group commit): each is atomic by
// its own savepoint, and acknowledged only when the commit that carries it is
// durable.
//
// It imports session, query and the driver. Nothing outside this package knows
// which driver that is, except the migrations in internal/schema.
package sqlite
