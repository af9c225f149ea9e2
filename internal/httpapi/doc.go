// Package httpapi declares the operations of the API: a file for each domain, with
// the functions that run them and the inputs and results that they have on the
// wire.
//
// Its room: what each operation is called, who may call it, and how a request
// becomes a call of the domain. How a request is read, authenticated, run and
// answered is in package rest, and the OpenAPI document is made from the
// operations by package openapi.
//
// The package imports the domains and never an engine. The rules of a member are
// not its business.
package httpapi
