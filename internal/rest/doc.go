// Package rest serves operations over HTTP: it reads requests into typed inputs,
// authenticates and checks their callers in the session that serves them, and
// writes results and problems (RFC 9457).
//
// An operation is a typed function: [Query], [Read], [LoggedRead] or [Write] makes
// an [Endpoint] of it. What its input and result declare is what is documented,
// decoded and checked.
//
// Its room: HTTP without a domain. It knows entity tags, conditional requests,
// positions, idempotency keys, addresses, deadlines and the server, and no member,
// operator or permission: those are of package httpapi.
package rest
