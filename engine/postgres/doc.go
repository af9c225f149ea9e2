// Package postgres is the engine for PostgreSQL 15 and later, on pgx's native
// pipeline.
//
// A session's exchange is one batch: the statements that open it, its own and
// the one that ends it travel together wherever they are known in advance. A
// read session of one gather and a write session of changes alone are one round
// trip each. Reads are REPEATABLE READ and READ ONLY, writes SERIALIZABLE.
//
// The package imports session, query and the driver; nothing outside it knows
// which driver that is. What depends on the driver's internals is in wire.go.
package postgres
