//go:build race

package testkit

// Racing reports that the race detector is on, which makes the embedded database
// ten times slower. A long loop of one goroutine, in which it can find nothing,
// may then be shorter: the tests of every domain also run without it, on both
// databases.
const Racing = true
