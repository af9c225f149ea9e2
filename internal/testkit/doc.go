// Package testkit opens whole stores for tests. Only tests import it. It and the
// commands are the only places that name an engine.
package testkit
