//go:build !race

package testkit

// Racing reports that the race detector is off.
const Racing = false
