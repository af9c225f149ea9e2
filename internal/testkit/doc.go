// Package testkit opens whole stores for tests. It is imported by tests only,
// and is the one place beside the commands that names an engine.
package testkit
