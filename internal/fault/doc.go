// Package fault holds the errors that users may see.
//
// Its room: an [Error] has a [Kind], a stable code, and a message for the person
// who caused it. Every other error is internal: it is logged in full where it
// stops, and users see only the request ID. The package knows nothing of HTTP or
// SQL; the one table from Kind to status is in internal/rest.
package fault
