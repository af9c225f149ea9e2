// Package sessiontest specifies what an engine promises, as a suite of tests that
// every engine runs unchanged, and counts round trips.
//
// It imports query, session and the standard library. Only tests import it.
package sessiontest
