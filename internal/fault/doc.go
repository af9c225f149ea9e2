// Package fault holds the failures that a person may see.
//
// Its room: an [Error] has a [Kind], a stable code and a message written for
// the person who caused it. Everything that is not a fault is internal: it is
// logged whole where it stops and shown as a number to quote. The package
// imports the standard library only, and knows nothing of HTTP or SQL; the one
// table from Kind to status is in internal/rest.
package fault
