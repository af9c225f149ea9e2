// Package testkit opens whole stores for tests. Only tests import it. It
// is the one place, beside the commands, that names an engine.
package testkit
