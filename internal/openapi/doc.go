// Package openapi makes the OpenAPI document of the operations, and the page of
// documentation from it.
//
// Its room: what an operation declares becomes paths, parameters, bodies and
// responses; the descriptors of its input and its result (see package field)
// become schemas. It imports rest and field, and no domain.
package openapi
