//go:build !race

package testkit

// Racing says that no race detector watches.
const Racing = false
