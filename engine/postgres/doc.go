// Package postgres is the engine for PostgreSQL 15 and later, on pgx's native
// pipeline.
//
// A session's exchange is one batch: what opens it, the statements and what
// ends it travel together wherever that is known in advance, so that a read
// session of one gather and a write session of changes alone are one round trip
// each. Reads are REPEATABLE READ and READ ONLY, writes SERIALIZABLE.
//
// It imports session, query and the driver; nothing outside this package knows
// which driver that is.
package postgres
