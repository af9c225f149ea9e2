// Package worker runs the background tasks of a server.
//
// Its room: when a task runs, on which server, how long it may take, how it
// stops, and who learns of the result. What a task does is its domain's business.
// Jobs, which a person or a program starts, will live here too. The package
// imports query and session.
package worker
