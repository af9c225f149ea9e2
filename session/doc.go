// Package session runs the values of package query.
//
// [DB.Read] opens one consistent, read-only snapshot, [DB.Write] one
// serialisable transaction. Inside, [Run] runs one query and [Read.Gather] runs
// independent queries together, in one round trip and in the same snapshot. A
// [Read] cannot run a change: neither the compiler nor the database lets it.
//
// A session holds at most one connection, never leaves its function, and is
// used by one goroutine at a time.
//
// The package declares [Engine], which engine/sqlite and engine/postgres implement;
// the suite session/sessiontest says what an engine promises. It imports query
// and the standard library only.
package session
