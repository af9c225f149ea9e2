//go:build race

package testkit

// Racing says that the race detector watches, which makes the embedded database
// ten times slower. A long loop of one goroutine, in which it can find nothing,
// may be shorter then: the tests of every domain also run without it, on both
// databases.
const Racing = true
