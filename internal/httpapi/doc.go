// Package httpapi declares the operations of the API: a file for each domain, with
// the functions that run them and the inputs and results that they have on the
// wire.
//
// Package rest reads, runs and answers requests; package openapi documents the
// operations. The package imports the domains, whose rules it does not repeat, and
// never an engine.
package httpapi
